"""`mlops keys`: what it prints, and its errors."""

import json
import re
from datetime import UTC, datetime

import pytest

from mlops_assets.serving.keys.current_keys import CurrentKeys
from mlops_assets_tests.support.command_line import flat, mlops


@pytest.fixture
def file(tmp_path):
    return tmp_path / "keys.json"


def _keys(*arguments: str, file):
    return mlops("keys", *arguments, "--file", str(file))


def test_a_created_key_is_the_only_line_of_the_output_and_is_accepted(file):
    done = _keys("create", "shop", "--project", "churn", "--docs", "--expires", "2099-06-30", file=file)
    assert done.exit_code == 0, done.output
    found = CurrentKeys(file).find(done.stdout.strip())
    assert found is not None
    assert (found.name, found.projects, found.scopes) == ("shop", ("churn",), ("docs",))
    assert found.expires == datetime(2099, 7, 1, tzinfo=UTC)  # the last day is one of the key
    assert "shown only now" in flat(done.stderr)


def test_keys_are_listed_without_their_secrets_and_revoked_by_client_or_id(file):
    tokens = [
        _keys("create", name, "--metrics", file=file).stdout.strip() for name in ("shop", "shop", "ops")
    ]
    ids = [re.fullmatch("mlops_(.{8})_.{64}", token)[1] for token in tokens]
    assert _keys("revoke", "ops", file=file).exit_code == 0
    several = _keys("revoke", "shop", file=file)
    assert several.exit_code == 1
    assert f"choose one of the IDs {ids[0]}, {ids[1]}" in flat(several.stderr)
    assert _keys("revoke", ids[0], file=file).exit_code == 0
    listed = json.loads(_keys("list", "--json", file=file).stdout)
    assert [(one["id"], one["name"], one["status"]) for one in listed] == [
        (ids[0], "shop", "revoked"),
        (ids[1], "shop", "active"),
        (ids[2], "ops", "revoked"),
    ]
    table = _keys("list", file=file).stdout
    assert all(key_id in table for key_id in ids)
    assert not any(token.rpartition("_")[2] in table for token in tokens)
    assert [CurrentKeys(file).find(token) is not None for token in tokens] == [False, True, False]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["create", "shop"], "the key would permit nothing"),
        (["create", " ", "--metrics"], "is not a name"),
        (["create", "a\nb", "--metrics"], "is not a name"),
        (["create", "shop", "--metrics", "--expires", "2020-01-01"], "--expires is in the past"),
        (["revoke", "shop"], "there is no file of API keys"),
        (["list"], "there is no file of API keys"),
    ],
)
def test_a_mistake_is_one_error_and_writes_nothing(file, arguments, message):
    done = _keys(*arguments, file=file)
    assert done.exit_code == 1
    assert message in flat(done.stderr)
    assert not file.exists()


def test_a_misspelled_client_is_suggested(file):
    _keys("create", "shop", "--metrics", file=file)
    done = _keys("revoke", "shopp", file=file)
    assert done.exit_code == 1
    assert "did you mean shop?" in flat(done.stderr)
