"""The list of forgotten entities: it names none, and their rows are left out of what arrives."""

import pytest

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.forgetting.entity import Entity
from mlops_assets.stores.forgetting.records import ForgottenEntities, Record, Removed


def remembered(warehouse, *values: str) -> ForgottenEntities:
    forgotten = ForgottenEntities(warehouse.root, "shop")
    for value in values:
        forgotten.save(Record.new(Entity.of(forgotten.key(), ["customer"], ["VARCHAR"], [value])))
    return forgotten


def arriving(warehouse, forgotten: ForgottenEntities, query: str) -> list[tuple]:
    with warehouse.connect() as connection:
        [rows] = forgotten.without_forgotten([connection.sql(query)])
        return rows.fetchall()


def test_rows_of_forgotten_entities_are_left_out_and_others_kept(warehouse):
    query = "select * from (values ('ada', 1), (' bob', 2), ('cleo', 3), (null, 4)) t(customer, n)"
    nothing = ForgottenEntities(warehouse.root, "shop")
    assert len(arriving(warehouse, nothing, query)) == 4
    assert not nothing.file.exists()
    forgotten = remembered(warehouse, "ada", "bob")
    assert arriving(warehouse, forgotten, query) == [("cleo", 3), (None, 4)]
    assert arriving(warehouse, forgotten, "select 'ada' as name") == [("ada",)]
    for name in ("ada", "bob"):
        assert f'"{name}"' not in forgotten.file.read_text("utf-8")


def test_a_record_replaces_that_of_its_entity(warehouse):
    forgotten = remembered(warehouse, "ada", "bob")
    [first, second] = forgotten.records()
    removed = Removed(3, (1, 2), {"a": "b"})
    facts = {"removed": {"features": removed}, "models": (1,), "row_ids": ("c",)}
    forgotten.save(Record(first.entity, first.requested_at, **facts).completed())
    [other, found] = forgotten.records()
    assert other == second
    assert {name: getattr(found, name) for name in facts} == facts
    assert found.completed_at


def test_a_lost_key_or_a_damaged_list_stops_the_ingestion(warehouse):
    forgotten = remembered(warehouse, "ada")
    key = warehouse.root / ".forgotten" / "key"
    secret = key.read_text("utf-8")
    key.unlink()
    with pytest.raises(StoreError, match="can't be recognised: their key is missing"):
        arriving(warehouse, forgotten, "select 'ada' as customer")
    key.write_text(secret[::-1], "utf-8")
    with pytest.raises(StoreError, match="their key is another one"):
        arriving(warehouse, forgotten, "select 'ada' as customer")
    forgotten.file.write_text("{", "utf-8")
    with pytest.raises(StoreError, match="is damaged"):
        arriving(warehouse, forgotten, "select 'ada' as customer")
