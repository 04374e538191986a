"""The key of a ledger: read from the environment, and never shown."""

import hmac
from hashlib import sha256

import pytest

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.governance.ledger.keys import LedgerKeys, key_id, signing_key_id

KEY, OTHER = "a" * 32, "b" * 64


def keys(current: str | None = KEY, former: str | None = None) -> LedgerKeys:
    named = {"MLOPS_LEDGER_KEY": current, "MLOPS_LEDGER_FORMER_KEYS": former}
    return LedgerKeys.of_environment({name: value for name, value in named.items() if value is not None})


def test_a_signature_has_the_key_id_and_the_code_of_project_position_and_hash():
    signed = b'mlops_assets ledger entry\0["shop", 3, "abc"]'
    code = hmac.new(KEY.encode(), signed, sha256).hexdigest()
    identifier = sha256(b"mlops_assets ledger key\0" + KEY.encode()).hexdigest()[:12]
    signature = keys().sign("shop", 3, "abc")
    assert signature == f"hmac-sha256:{identifier}:{code}"
    assert signing_key_id(signature) == identifier == keys().current_id
    assert keys(f" {KEY}\n").sign("shop", 3, "abc") == signature


@pytest.mark.parametrize("entry", [("shop2", 3, "abc"), ("shop", 4, "abc"), ("shop", 3, "abd")])
def test_a_signature_of_another_entry_does_not_verify(entry: tuple[str, int, str]):
    signature = keys().sign("shop", 3, "abc")
    assert keys().verifies(signature, "shop", 3, "abc")
    assert keys(OTHER, KEY).verifies(signature, "shop", 3, "abc")
    assert not keys().verifies(signature, *entry)
    assert not keys(OTHER).verifies(signature, "shop", 3, "abc")
    assert not keys().verifies(signature.replace("hmac-sha256", "plain"), "shop", 3, "abc")


@pytest.mark.parametrize("signature", ["", ":", "hmac-sha256", "hmac-sha256::", "hmac-sha256:é:ü"])
def test_a_text_that_is_no_signature_does_not_verify(signature: str):
    assert not keys().verifies(signature, "shop", 1, "abc")
    assert not LedgerKeys().verifies(signature, "shop", 1, "abc")


def test_without_a_key_nothing_is_signed():
    assert keys(None).sign("shop", 1, "abc") == keys(None).current_id == ""


@pytest.mark.parametrize(
    ("current", "former", "message"),
    [
        ("", None, "MLOPS_LEDGER_KEY is empty: at least 32 characters are required"),
        ("swordfish", None, "MLOPS_LEDGER_KEY is too short"),
        (KEY, f"{OTHER},swordfish", "a key in MLOPS_LEDGER_FORMER_KEYS is too short"),
        (None, KEY, "MLOPS_LEDGER_FORMER_KEYS is set, and MLOPS_LEDGER_KEY is not"),
    ],
)
def test_a_key_that_cannot_be_used_is_rejected_without_showing_it(current, former, message):
    with pytest.raises(StoreError, match=message) as raised:
        keys(current, former)
    assert not any(secret in str(raised.value) for secret in ("swordfish", KEY, OTHER))


def test_keys_are_not_shown():
    assert KEY not in repr(keys(KEY, OTHER)) + str(keys(KEY, OTHER))
    assert OTHER not in repr(keys(KEY, OTHER))
    assert key_id(KEY.encode()) not in KEY
