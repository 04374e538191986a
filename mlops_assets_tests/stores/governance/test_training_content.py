"""Training sets are those of the ledger: a commit that states a removal is no proof of one."""

from mlops_assets.core import names
from mlops_assets.stores.forgetting.entity import Entity, Key
from mlops_assets.stores.forgetting.records import Removed
from mlops_assets.stores.forgetting.table_rows import remove_rows
from mlops_assets.stores.governance.training_content import training_set_error
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets_tests.support.ledgers import chain, event

TABLE, AT = ("shop", names.TRAINING_SET), "2026-01-01T00:00:00+00:00"


def removal(warehouse: Warehouse, customer: str):
    """Remove a customer from the training set, and return the event for the ledger."""
    key = Key(b"0123456789abcdef")
    entity = Entity.of(key, ["customer"], ["VARCHAR"], [customer])
    remove_rows(warehouse, TABLE, lambda names: entity.condition(key, names), entity=entity.digest, at=AT)
    digests = Removed.of(warehouse, TABLE, entity.digest, AT).digests
    return event(1, "forgotten", details={"tables": {names.TRAINING_SET: {"digests": digests}}})


def test_only_the_ledger_vouches_for_a_training_set_that_lacks_rows(warehouse):
    with warehouse.connect() as connection:
        rows = connection.sql("select * from (values (1, 'ada'), (2, 'bob'), (3, 'cleo')) t(n, customer)")
        written = warehouse.write(TABLE, rows)
    facts = {"training_set_version": str(written.version), "training_set_digest": written.digest}
    registered = event(1, details=facts)
    assert training_set_error(warehouse, "shop", 1, chain(registered)) is None
    assert training_set_error(warehouse, "shop", 2, chain(registered)) is None

    first = removal(warehouse, "ada")
    assert warehouse.has_content(TABLE, written.digest, version=written.version)  # by the commit's own words
    unexplained = training_set_error(warehouse, "shop", 1, chain(registered))
    assert "has other rows than it was trained on" in str(unexplained)
    assert training_set_error(warehouse, "shop", 1, chain(registered, first)) is None
    second = removal(warehouse, "bob")
    assert training_set_error(warehouse, "shop", 1, chain(registered, first))
    for events in ((first, second), (second, first)):  # the first was interrupted, and finished later
        assert training_set_error(warehouse, "shop", 1, chain(registered, *events)) is None


def test_a_version_of_a_table_that_does_not_exist_is_not_compared(warehouse):
    facts = {"training_set_version": "4", "training_set_digest": "0" * 32}
    assert training_set_error(warehouse, "shop", 1, chain(event(1, details=facts))) is None
