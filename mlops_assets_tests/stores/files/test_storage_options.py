"""Storage options: secrets come from environment variables, and are redacted from then on."""

import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.core.redaction.redact import redact
from mlops_assets.stores.files.storage_options import StorageOptions


def test_variables_are_resolved_at_any_depth_and_other_values_are_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ORDERS_KEY", "a-key")
    monkeypatch.setenv("ORDERS_SECRET", "a-secret")
    declared = {
        "key": {"env": "ORDERS_KEY"},
        "client_kwargs": {"secret": {"env": "ORDERS_SECRET"}, "region": "eu"},
        "anon": False,
    }
    assert StorageOptions(declared, subject="shop").values == {
        "key": "a-key",
        "client_kwargs": {"secret": "a-secret", "region": "eu"},
        "anon": False,
    }


def test_values_of_variables_of_any_name_are_redacted_the_longest_first(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("mlops_assets.core.redaction.redact._kept", set())
    monkeypatch.setenv("SHORT", "hunter")
    monkeypatch.setenv("LONG", "hunter-2")
    StorageOptions({"a": {"env": "SHORT"}, "b": {"env": "LONG"}, "c": "public"}, subject="shop")
    assert redact("hunter-2 and hunter are secret, public is not") == "*** and *** are secret, public is not"


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_that_is_not_set_is_an_error(monkeypatch: pytest.MonkeyPatch, value: str | None):
    monkeypatch.delenv("ORDERS_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("ORDERS_KEY", value)
    with pytest.raises(DataError, match=r"shop: table orders: .* variable ORDERS_KEY, which is not set"):
        StorageOptions({"key": {"env": "ORDERS_KEY"}}, subject="shop: table orders")
