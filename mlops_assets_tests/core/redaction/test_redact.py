"""No known secret remains in a text, however it is encoded, and other texts stay as they are."""

import ast
import html
import json
import shlex
import string
from base64 import b64encode
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlops_assets.core.errors import DataError
from mlops_assets.core.redaction import redact as redaction
from mlops_assets.core.redaction.redact import keep_secret, known_secrets, redact, short_secrets

PRINTABLE = string.printable[:95]
ENCODINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "percent": lambda text: quote(text, safe=""),
    "percent, lower case": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "percent, slashes kept": quote,
    "percent, spaces as +": quote_plus,
    "percent, twice": lambda text: quote(quote(text, safe=""), safe=""),
    "repr": repr,
    "ascii": ascii,
    "repr of bytes": lambda text: repr(text.encode()),
    "repr of repr": lambda text: repr(repr(text)),
    "JSON": json.dumps,
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "repr of JSON": lambda text: repr(json.dumps(text)),
    "HTML": html.escape,
    "shell": shlex.quote,
    "SQL": lambda text: text.replace("'", "''"),
    "base64": lambda text: b64encode(text.encode()).decode(),
}
FRAME = "« {} »"
"""Around a secret; no generated secret contains its characters."""
secrets = st.text(PRINTABLE, min_size=8, max_size=30).filter(lambda text: text == text.strip())
more_secrets = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="«»"),
    min_size=8,
    max_size=20,
).filter(lambda text: text == text.strip() and len(text.splitlines()) == 1 and not text.isdecimal())


@pytest.fixture(autouse=True)
def _nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_kept", set())


def test_the_frame_is_no_secret():
    assert not set("«»") & set(PRINTABLE)


@settings(max_examples=100, deadline=None)
@given(secret=secrets | more_secrets, encoding=st.sampled_from(sorted(ENCODINGS)))
def test_a_secret_of_any_characters_is_replaced_in_any_encoding(secret, encoding):
    if secret.isdecimal() or secret.lower() in ("default",):
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOP_PASSWORD", secret)
        encoded = ENCODINGS[encoding](secret)
        found = redact(FRAME.format(encoded))
    assert encoded not in found
    assert secret not in found
    assert found.startswith("« ")
    assert found.endswith(" »")


@settings(max_examples=100, deadline=None)
@given(
    password=st.text(PRINTABLE, min_size=1, max_size=20),
    place=st.sampled_from(["ada:{}@host.example/db", "host.example/db?sslmode=require&password={}"]),
    scheme=st.sampled_from(["https", "postgresql", "mysql+pymysql"]),
    encoded=st.booleans(),
)
@example(
    password="&0000000", place="host.example/db?sslmode=require&password={}", scheme="https", encoded=False
)
def test_a_url_with_any_password_is_shown_without_it(password, place, scheme, encoded):
    written = quote(password, safe="") if encoded else password
    url = f"{scheme}://{place.format(written)}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOP_URL", url)
        found = redact(FRAME.format(url))
        alone = redact(FRAME.format(password))
    if encoded:
        shown = "host.example/db" if "@host" in place else "host.example/db?sslmode=require&password=***"
        assert found == FRAME.format(f"{scheme}://{shown}")
    if len(password.strip()) >= 8:
        assert written not in found
        assert password.strip() not in alone


@pytest.mark.parametrize("encoded", [True, False])
def test_a_token_in_a_path_is_replaced_where_the_variable_is_declared_as_a_secret(encoded):
    token = "T00/B00?x=1&y='\"%"
    url = f"https://hooks.example/{quote(token, safe='') if encoded else token}"
    keep_secret(url)
    assert redact(FRAME.format(f"POST {url} failed")) == "« POST *** failed »"
    assert redact(FRAME.format(repr(f"POST {url}"))) == "« 'POST ***' »"


@pytest.mark.parametrize("secret", ["a", "ab", "abc", "1234567"])
def test_a_secret_that_is_too_short_leaves_messages_readable_and_is_reported(monkeypatch, secret):
    monkeypatch.setenv("CRM_URL", f"postgresql://ada:{secret}@host/db")
    message = "abc: a table has 1234567 rows"
    assert redact(message) == message
    assert redact(f"can't reach postgresql://ada:{secret}@host/db") == "can't reach postgresql://host/db"
    assert redact(f"password={secret}") == "password=***"
    assert short_secrets() == ["CRM_URL"]


@pytest.mark.parametrize(
    ("secret", "text", "shown"),
    [
        ("postgres", "postgresql://host, user postgres", "postgresql://host, user ***"),
        ("hunter2", "hunter2 and hunter22", "*** and hunter22"),
        ("hunter2", r"'\thunter2'", r"'\t***'"),
        ("hunter2", "%3Ahunter2%40", "%3A***%40"),
        ("hunter-2", "xhunter-2y", "x***y"),
    ],
)
def test_a_word_is_replaced_as_a_whole_word_and_other_secrets_anywhere(monkeypatch, secret, text, shown):
    monkeypatch.setenv("PGPASSWORD", secret)
    assert redact(text) == shown


@pytest.mark.parametrize(
    "name",
    [
        "PGPASSWORD",
        "MLFLOW_TRACKING_TOKEN",
        "MLOPS_LEDGER_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "AZURE_STORAGE_CONNECTION_STRING",
        "MYSQL_PWD",
        "SLACK_WEBHOOK",
    ],
)
def test_variables_are_secret_by_their_names(monkeypatch, name):
    monkeypatch.setenv(name, "s3cr3t-of-the-test")
    assert "s3cr3t-of-the-test" in known_secrets()


@pytest.mark.parametrize("name", ["PWD", "HOME", "TOKENIZERS_PARALLELISM", "MLOPS_STATE_DIR", "KEYBOARD"])
def test_other_variables_are_not(monkeypatch, name):
    monkeypatch.setenv(name, "a-value-of-the-test")
    assert "a-value-of-the-test" not in known_secrets()


def test_the_path_of_a_key_file_and_a_switch_are_no_secrets(monkeypatch, tmp_path):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path))
    monkeypatch.setenv("HF_TOKEN", "false")
    assert not {str(tmp_path), "false"} & known_secrets()


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ("host=db user=ada password=s3cr3t-of-ada", "s3cr3t-of-ada"),
        (r"host=db password='it\'s s3cret'", "it's s3cret"),
        ('{"type": "service_account", "private_key": "-----BEGIN\\nabc/def+g\\n"}', "abc/def+g"),
        ("https://ghp_0123456789abcdef@github.com/a.git", "ghp_0123456789abcdef"),
        ("http://a.example,http://ada:s3cr3t-of-ada@b.example,http://bob:abc@c.example", "s3cr3t-of-ada"),
        ("http://ada:s3cr3t://of-ada@b.example", "s3cr3t://of-ada"),
        ("https://a.example/x?sig=ab%2Fcd%2Bef1", "ab/cd+ef1"),
        ("DefaultEndpointsProtocol=https;AccountKey=abc/def==;EndpointSuffix=x", "abc/def=="),
    ],
)
def test_secrets_are_found_in_connection_strings_of_any_variable(monkeypatch, value, secret):
    monkeypatch.setenv("CRM", value)
    assert secret in known_secrets()
    assert redact(f"x {secret} y") == "x *** y"


def test_each_line_of_a_private_key_is_replaced(monkeypatch):
    monkeypatch.setenv("SIGNING_KEY", "-----BEGIN KEY-----\nMIIabc+def/1\nMIIxyz+def/2\n-----END KEY-----\n")
    assert redact("line MIIxyz+def/2 of the -----BEGIN KEY-----") == "line *** of the -----BEGIN KEY-----"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("password='it\\'s' user=ada", "password='***' user=ada"),
        ('{"api_key": "abc", "rows": 5}', '{"api_key": "***", "rows": 5}'),
        ("Authorization: Bearer abc123def456", "Authorization: Bearer ***"),
        ("GET /x?a=1&X-Amz-Signature=abc&b=2", "GET /x?a=1&X-Amz-Signature=***&b=2"),
        ("http://ada:p/w@host/x", "http://host/x"),
        (
            "['fetch', '--token abc', --db-password 'a b' --keep]",
            "['fetch', '--token ***', --db-password '***' --keep]",
        ),
        ("http://host:5000/a@b", "http://host:5000/a@b"),
        ("http://host?mail=a@b", "http://host?mail=a@b"),
        ("http://[::1]:5000/a@b", "http://[::1]:5000/a@b"),
    ],
)
def test_secrets_are_found_by_parsing(monkeypatch, text, shown):
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # which contains the parameters
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "the key of table loans is order_id, sort_key=id, tokens=5",
        "export NO_SUCH_SECRET=…",
        "write secret={env: NAME}",
        "use the form postgresql://user:password@host:5432/database",
        "Basic information about the bearer of the token",
        "token=None, password=",
        "mail ada@host at 12:30",
    ],
)
def test_ordinary_messages_stay_as_they_are(monkeypatch, text):
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    assert redact(text) == text


def test_errors_are_redacted_and_hints_keep_their_examples(monkeypatch):
    monkeypatch.setenv("CRM_URL", "postgresql://ada:s3cr%2Ft@host/db")
    error = DataError("can't read s3cr/t", hint="not s3cr%2ft: use postgresql://user:password@host/db")
    assert error.message == "can't read ***"
    assert error.hint == "not ***: use postgresql://user:password@host/db"
    assert ast.literal_eval(repr(error.args)) == (f"{error.message}\n  hint: {error.hint}",)
