"""Keys that are in force while their file changes."""

import logging
import stat
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mlops_assets.core.errors import StoreError
from mlops_assets.core.redaction.redact import redact
from mlops_assets.serving.keys.api_key import new_key
from mlops_assets.serving.keys.current_keys import CurrentKeys
from mlops_assets.serving.keys.key_file import changed_keys, read_keys


class _Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def file(tmp_path):
    return tmp_path / "keys.json"


def _add(file, name: str) -> str:
    token, key = new_key(name, ["churn"])
    with changed_keys(file, print) as keys:
        keys.append(key)
    return token


def test_a_key_is_replaced_by_another_without_a_restart(file):
    clock, first = _Clock(), _add(file, "shop")
    current = CurrentKeys(file, clock)
    second = _add(file, "shop")
    assert current.find(second) is None
    clock.seconds = 1.1
    assert current.find(second) is not None
    with changed_keys(file, print) as keys:
        keys[0] = replace(keys[0], revoked=datetime.now(UTC))
    clock.seconds = 2.2
    assert current.find(first) is None
    assert current.find(second) is not None


def test_a_service_without_keys_requires_one_as_soon_as_the_first_was_created(file):
    clock = _Clock()
    current = CurrentKeys(file, clock, is_optional=True)
    assert not current.are_required
    token = _add(file, "shop")
    clock.seconds = 1.1
    assert current.are_required
    assert current.find(token) is not None
    file.unlink()
    clock.seconds = 2.2
    assert current.are_required
    assert current.find("") is None


def test_a_first_file_that_cannot_be_read_permits_no_request(file):
    clock = _Clock()
    current = CurrentKeys(file, clock, is_optional=True)
    file.write_text("")
    clock.seconds = 1.1
    assert current.are_required
    assert current.find("any") is None


@pytest.mark.parametrize(
    "content", ["", "{}", '{"format": 2, "keys": []}', '{"format": 1, "keys": [{}]}', None]
)
def test_a_file_that_becomes_unreadable_leaves_the_keys_as_they_are(file, content, caplog):
    clock, token = _Clock(), _add(file, "shop")
    current = CurrentKeys(file, clock)
    if content is None:
        file.unlink()
    else:
        file.write_text(content)
    clock.seconds = 1.1
    with caplog.at_level(logging.ERROR):
        assert current.find(token) is not None
    assert "the API keys are unchanged" in caplog.text
    with pytest.raises(StoreError, match="API keys"):
        CurrentKeys(file, clock)


def test_the_file_has_digests_and_is_readable_by_its_owner_alone(file):
    token = _add(file, "shop")
    assert token.rpartition("_")[2] not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o664)
    with pytest.raises(StoreError, match="can be written by other users"):
        read_keys(file)


def test_a_key_in_a_message_is_redacted_up_to_its_public_part(file):
    token = _add(file, "shop")
    public = token.rpartition("_")[0]
    assert redact(f"x-api-key {token}, twice{token}.") == f"x-api-key {public}_***, twice{public}_***."
