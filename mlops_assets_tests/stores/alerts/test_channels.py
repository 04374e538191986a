"""Channels: what they send, what they never send, and errors that quote no secret."""

import json
import ssl
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from mlops_assets.stores.alerts.alert import Alert
from mlops_assets.stores.alerts.channels.command import CommandSender
from mlops_assets.stores.alerts.channels.email import EmailSender
from mlops_assets.stores.alerts.channels.webhook import WebhookSender
from mlops_assets.stores.alerts.delivery import DeliveryError, describe
from mlops_assets.stores.alerts.message import compose, one_line, slack_text
from mlops_assets_tests.support.receivers import free_port

UI = "https://dagster.example.com"


def alert(**changes) -> Alert:
    facts = {
        "occasion": "opened",
        "incident": 7,
        "project": "churn",
        "kind": "run",
        "severity": "error",
        "title": "features failed",
        "detail": "it broke",
        "partition": None,
        "asset": None,
        "run_id": None,
        "report": None,
        "opened_at": datetime(2025, 6, 2, tzinfo=UTC),
    }
    return Alert(**{**facts, **changes})


def message(markup="plain", **changes):
    return compose([alert(**changes)], "key-7", UI, markup, None)


def mails(port: int, **changes) -> EmailSender:
    settings = {"sender": "ops@example.com", "recipients": ("ada@example.com",), "encryption": "none"}
    return EmailSender("127.0.0.1", port, **{**settings, **changes})


def error_of(sender, sent=None) -> str:
    with pytest.raises(DeliveryError) as caught:
        sender.send(sent or message())
    return describe(caught.value)


def test_names_and_values_are_no_links_or_mentions_in_slack():
    text = slack_text(
        alert(title="<!channel> & @here", detail="```<http://evil|x>\x1b[2J", asset="a/b|c>d"), UI
    )
    assert text.splitlines() == [
        "*ERROR churn: &lt;!channel&gt; &amp; @\u200bhere*",
        "opened 2025-06-02 00:00 UTC",
        "```'''&lt;http://evil|x&gt;\\x1b[2J```",
        "<https://dagster.example.com/assets/a/b%7Cc%3Ed|asset>",
    ]


def test_the_subject_of_a_mail_is_one_line(mail):
    mails(mail.port).send(message(title="features\r\nBcc: eve@example.com\n\nbody"))
    [received] = mail.mails
    assert received["Subject"] == "ERROR churn: features Bcc: eve@example.com body"
    assert received["Bcc"] is None
    assert mail.envelopes == [("ops@example.com", ["ada@example.com"])]
    assert received["Message-ID"] == "<key-7@example.com>"
    assert "it broke" in received.get_content()
    assert len(one_line("x" * 1000)) == 200


def test_a_refused_recipient_is_a_note_and_all_refused_are_an_error(mail):
    note = mails(mail.port, recipients=("ada@example.com", "unknown@example.com")).send(message())
    assert note == "refused recipients: unknown@example.com (550 no such user)"
    assert len(mail.mails) == 1
    assert error_of(mails(mail.port, recipients=("unknown@example.com",))) == (
        f"the SMTP server 127.0.0.1:{mail.port} refused all recipients: "
        "unknown@example.com (550 no such user)"
    )


def test_a_mail_server_without_tls_gets_no_password(mail, monkeypatch):
    monkeypatch.setenv("U", "ada")
    monkeypatch.setenv("P", "a-secret-password")
    error = error_of(mails(mail.port, encryption="starttls", user="U", password="P"))
    assert error.endswith("can't be used: STARTTLS extension not supported by server.")
    assert mail.mails == []


def test_a_certificate_that_is_not_trusted_is_an_error(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    port = free_port()
    controller = Controller(object(), hostname="127.0.0.1", port=port, tls_context=context)
    controller.start()
    try:
        error = error_of(mails(port, encryption="starttls"))
    finally:
        controller.stop()
    assert error == f"the SMTP server 127.0.0.1:{port}: its certificate is not valid: self-signed certificate"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate with its key."""
    from datetime import timedelta

    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    signed = built.sign(key, hashes.SHA256())
    file = tmp_path / "server.pem"
    plain = serialization.NoEncryption()
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (500, "answered 500: no_service"),
        (302, "answered 302: redirects are not followed; use the address that it leads to"),
    ],
)
def test_answers_of_a_webhook_that_are_no_success(web, answer, reason):
    web.statuses = [answer]
    assert error_of(WebhookSender("OPS_ADDRESS")) == f"the webhook of OPS_ADDRESS {reason}"


def test_errors_of_a_webhook_do_not_quote_its_address(monkeypatch):
    for address in (
        f"http://127.0.0.1:{free_port()}/services/T0/verysecretpath",
        "http://nowhere.invalid/services/T0/verysecretpath",
        "http://127.0.0.1:port/services/T0/verysecretpath",
        "file:///etc/verysecretpath",
        "verysecretpath",
    ):
        monkeypatch.setenv("OPS_ADDRESS", address)
        error = error_of(WebhookSender("OPS_ADDRESS", seconds=2))
        assert "OPS_ADDRESS" in error
        assert "verysecret" not in error


def test_json_has_all_facts(web):
    run = {"run_id": "0f0e", "asset": "churn/features", "partition": "2025-05"}
    WebhookSender("OPS_ADDRESS", "json").send(message(**run))
    [body] = web.bodies
    [facts] = body["alerts"]
    assert body["subject"] == facts["subject"] == "ERROR churn: features failed"
    assert facts["links"] == {
        "run": "https://dagster.example.com/runs/0f0e",
        "asset": "https://dagster.example.com/assets/churn/features?view=partitions&partition=2025-05",
        "report": None,
    }
    assert (facts["incident"], facts["opened_at"]) == (7, "2025-06-02T00:00:00+00:00")


def test_a_command_gets_json_and_no_shell_interprets_its_arguments(tmp_path):
    program = "import json, sys; open(sys.argv[1], 'w').write(sys.stdin.read())"
    sender = CommandSender((sys.executable, "-c", program, "$(touch hacked); got.json"), tmp_path)
    assert sender.send(message()) == ""
    assert [path.name for path in tmp_path.iterdir()] == ["$(touch hacked); got.json"]
    found = json.loads((tmp_path / "$(touch hacked); got.json").read_text("utf-8"))
    assert found["alerts"][0]["title"] == "features failed"


def test_a_command_that_fails_is_an_error_with_its_last_words(tmp_path, monkeypatch):
    monkeypatch.setenv("PAGER_TOKEN", "a-secret-token-of-the-pager")
    failing = "import os, sys; sys.exit('no route with ' + os.environ['PAGER_TOKEN'])"
    sender = CommandSender((sys.executable, "-c", failing), tmp_path)
    assert error_of(sender) == f"{sys.executable} ended with status 1: no route with ***"
    assert error_of(CommandSender(("no-such-program",), tmp_path)) == (
        "no-such-program can't be started: No such file or directory"
    )
    assert error_of(CommandSender(("sleep", "60"), tmp_path, seconds=0.2)) == "sleep did not end within 0.2 s"
