"""The ledger: entries are read as they were written, and changes are detected."""

import json
from dataclasses import replace
from hashlib import sha256

import pytest
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.governance.ledger.entries import Entry, chain_errors
from mlops_assets.stores.governance.ledger.ledger import Ledger
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets_tests.support.ledgers import NOON, chain, event


def test_entries_are_read_in_their_order(warehouse: Warehouse):
    ledger = Ledger(warehouse, "shop")
    assert ledger.entries() == []
    entries = chain(event(1), event(1, "promoted", reason="naïve – “quoted”"), event(2))
    ledger.append(entries[:2])
    ledger.append(entries[2:])
    assert ledger.entries() == entries
    assert chain_errors(entries) == []


def test_the_table_is_append_only(warehouse: Warehouse):
    ledger = Ledger(warehouse, "shop")
    ledger.append(chain(event()))
    with pytest.raises(DeltaError, match="append"):
        DeltaTable(str(warehouse.root / "shop" / "ledger")).delete()


def test_a_ledger_can_be_queried_with_sql(warehouse: Warehouse):
    Ledger(warehouse, "shop").append(chain(event(1), event(2)))
    with warehouse.connect() as connection:
        warehouse.create_views(connection)
        assert connection.sql("select max(version) from shop.ledger").fetchall() == [(2,)]


def test_a_damaged_file_is_reported(warehouse: Warehouse):
    ledger = Ledger(warehouse, "shop")
    ledger.append(chain(event()))
    [file] = (warehouse.root / "shop" / "ledger").glob("*.parquet")
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(StoreError, match=r"shop: the ledger in .* cannot be read: .*\n  hint: restore its"):
        ledger.entries()


ENTRIES = chain(event(1), event(1, "gated"), event(1, "promoted"), event(2), event(2, "rejected"))


@pytest.mark.parametrize("place", range(4))
def test_a_removed_entry_is_detected_at_every_position(place: int):
    assert chain_errors([*ENTRIES[:place], *ENTRIES[place + 1 :]])


def test_two_swapped_entries_are_detected():
    assert chain_errors([*ENTRIES[:2], ENTRIES[3], ENTRIES[2], ENTRIES[4]])


@given(
    st.integers(0, 4),
    st.sampled_from(["version", "actor", "reason", "model_digest", "details", "kind", "mlflow_run_id"]),
)
def test_every_changed_field_is_detected_and_the_entry_named(place: int, name: str):
    changed = {"version": 9, "details": {"rmse": 0.4}, "kind": "retired"}.get(name, "forged")
    forged = [*ENTRIES]
    forged[place] = replace(forged[place], event=replace(forged[place].event, **{name: changed}))
    assert any(
        f"ledger entry {place + 1} (" in error and "was changed" in error for error in chain_errors(forged)
    )


def test_a_changed_entry_with_a_valid_hash_breaks_the_next_one():
    forged = [*ENTRIES]
    forged[1] = Entry.after(forged[0], event(1, "gated", reason="forged"), forged[1].at)
    assert chain_errors(forged) == ["ledger entry 3 does not follow from the one before it"]


def test_a_hash_covers_the_facts_and_the_hash_of_the_entry_before():
    facts = {
        "sequence": 2,
        "at": ENTRIES[1].at.isoformat(),
        "kind": "gated",
        "version": 1,
        "actor": "ada",
        "reason": "because",
        "model_digest": "d1",
        "details": {"rmse": 0.5},
        "dagster_run_id": "",
        "mlflow_run_id": "",
    }
    content = ENTRIES[0].hash + json.dumps(facts, sort_keys=True, ensure_ascii=False)
    assert ENTRIES[1].previous_hash == ENTRIES[0].hash
    assert ENTRIES[1].hash == sha256(content.encode()).hexdigest()


def test_equal_events_after_different_entries_have_different_hashes():
    one, other = (Entry.after(None, event(1, reason=reason), NOON) for reason in ("because", "otherwise"))
    after_one, after_other = (Entry.after(before, event(2), NOON) for before in (one, other))
    assert after_one.hash != after_other.hash


def test_a_change_propagates_to_the_hashes_of_all_later_entries():
    changed = chain(event(1, reason="forged"), *(entry.event for entry in ENTRIES[1:]))
    assert not {entry.hash for entry in changed} & {entry.hash for entry in ENTRIES}


def test_an_entry_whose_previous_hash_alone_was_replaced_is_detected():
    forged = [*ENTRIES]
    forged[1] = Entry.after(forged[0], event(1, "gated", reason="forged"), forged[1].at)
    forged[2] = replace(forged[2], previous_hash=forged[1].hash)
    assert "ledger entry 3 (promoted version 1) was changed" in chain_errors(forged)
