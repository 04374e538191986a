"""validated_<table> and quarantine_<table>: the contract, its checks and its errors."""

from mlops_assets.components.model_project.assets.raw import raw_asset
from mlops_assets.components.model_project.assets.validated import validated_asset
from mlops_assets.core import names
from mlops_assets_tests.support.daemon import failure_message
from mlops_assets_tests.support.events import TABLE, bought, ingest
from mlops_assets_tests.support.loan_assets import LOAN_DATA, check, materialize
from mlops_assets_tests.support.loans import loans
from mlops_assets_tests.support.shop import MONTHS, SCHEMA, SETTINGS

(FIRST,) = MONTHS[:1]


def test_unchanged_files_write_no_new_version(make_project, write_loans, stores, warehouse, instance):
    project = make_project()
    write_loans(loans(20))
    for _ in range(2):
        assert materialize(
            [raw_asset(project, "loans"), validated_asset(project, "loans")], stores, instance
        ).success
    assert warehouse.version(project.table_key(names.RAW).path) == 1
    assert warehouse.version(project.table_key(names.VALIDATED).path) == 1


def test_every_row_is_validated_or_quarantined_with_all_violated_rules(
    make_project, write_loans, stores, warehouse, instance
):
    project = make_project(tables={"loans": {"source": "data/*.csv", "max_rejected_share": 0.5}})
    frame = loans(40).astype(object)
    frame.loc[3, "income"], frame.loc[3, "purpose"] = -5, "yacht"
    frame.loc[8, "amount"] = "many"
    write_loans(frame)
    result = materialize([raw_asset(project, "loans"), validated_asset(project, "loans")], stores, instance)
    assert result.success
    quarantined = warehouse.frame(project.table_key(names.QUARANTINE).path).sort_values(names.SOURCE_ROW)
    assert quarantined[names.SOURCE_ROW].tolist() == [4, 9]
    assert quarantined["amount"].tolist()[1] == "many"
    rules = [list(found) for found in quarantined[names.BROKEN_RULES]]
    assert rules == [
        ["income: greater_than(0)", "purpose: isin(['car', 'house', 'other'])"],
        ["amount: dtype(float64)"],
    ]
    assert len(warehouse.frame(project.table_key(names.VALIDATED).path)) == 38
    assert check(result, "every_row_accounted_for").passed


def test_too_many_invalid_rows_block_downstream_assets(
    make_project, write_loans, stores, warehouse, instance
):
    project = make_project()
    frame = loans(100)
    frame.loc[:5, "income"] = -1.0
    write_loans(frame)
    result = materialize([build(project) for build in LOAN_DATA], stores, instance)
    assert not result.success
    share = check(result, "rejected_share")
    assert not share.passed
    assert "6 of 100 rows (6.00%) violate the contract; the limit is 5.00%" in str(share.description)
    assert "; most frequent: income: greater_than(0) (6 rows); inspect them with `mlops sql" in str(
        share.description
    )
    assert not warehouse.exists(project.key(names.FEATURES).path)


def test_a_missing_column_is_reported_with_the_existing_columns(make_project, write_loans, stores, instance):
    project = make_project()
    write_loans(loans(5).rename(columns={"income": "salary", "purpose": "Purpos"}))
    result = materialize([raw_asset(project, "loans"), validated_asset(project, "loans")], stores, instance)
    message = failure_message(result)
    assert "the source lacks the columns income, purpose; it has salary, amount, Purpos, outcome" in message
    assert ". Did you mean Purpos for purpose?" in message


def test_decimal_commas_are_quarantined_with_a_hint_unless_declared(
    make_project, write_loans, stores, warehouse, instance, record_property
):
    frame = loans(40).astype({"income": object, "amount": object})
    frame["income"] = [f"{1000 + row}" if row % 2 else f"1.{row:03},5" for row in range(40)]
    frame["amount"] = [str(number).replace(".", ",") for number in frame["amount"]]
    frame.loc[0, "amount"] = "many"
    write_loans(frame)
    tables = {"loans": {"source": "data/*.csv", "max_rejected_share": 0.1}}
    project = make_project(tables=tables)
    assets = [raw_asset(project, "loans"), validated_asset(project, "loans")]
    share = str(check(materialize(assets, stores, instance), "rejected_share").description)
    assert share.endswith(
        "59 of 60 invalid numbers have a decimal comma; if the file uses decimal commas, declare "
        'csv.decimal: "," and csv.thousands: "." for the table'
    )
    record_property("message", share)
    before = [asset.code_versions_by_key for asset in assets]
    tables["loans"]["csv"] = {"decimal": ",", "thousands": "."}
    project = make_project(tables=tables)
    again = [raw_asset(project, "loans"), validated_asset(project, "loans")]
    assert again[0].code_versions_by_key == before[0]
    assert not again[1].code_versions_by_key.items() & before[1].items()
    assert check(materialize(again, stores, instance), "rejected_share").passed
    kept = warehouse.frame(project.table_key(names.VALIDATED).path).sort_values(names.SOURCE_ROW)
    assert kept["income"].tolist()[:3] == [1001.0, 1002.5, 1003.0]
    quarantined = warehouse.frame(project.table_key(names.QUARANTINE).path)
    assert quarantined[["income", "amount"]].to_numpy().tolist() == [["1.000,5", "many"]]
    assert "declare csv" not in str(check(materialize(again, stores, instance), "rejected_share").description)


def test_rows_later_than_their_partition_are_quarantined(open_shop):
    table = {**SETTINGS["tables"]["purchases"], "max_rejected_share": 0.7}
    shop = open_shop(settings={"tables": {"purchases": table}})
    last, first, far = "2024-01-31 23:59:59", "2024-02-01 00:00:00", "2030-01-01 00:00:00"
    shop.write(FIRST, bought(("p", "a", last, 5), ("q", "b", first, 5), ("r", "c", far, 5)))
    ingest(shop, FIRST)
    assert shop.frame("validated_purchases", FIRST)["customer"].tolist() == ["a"]
    quarantined = shop.frame("quarantine_purchases", FIRST).set_index("customer")
    assert quarantined.loc["b", names.BROKEN_RULES].tolist() == ["bought_at: before(2024-02-01 00:00:00)"]
    assert set(quarantined.index) == {"b", "c"}


def test_a_time_column_that_is_text_in_the_contract_is_an_error(counting):
    counting.declare(schema=SCHEMA.replace("bought_at: pa.DateTime", "bought_at: str"))
    message = failure_message(counting.daemon.run(*TABLE, partition=FIRST))
    assert (
        "shop: table purchases: its `time` column, bought_at, is declared as VARCHAR in schema.py" in message
    )


def test_texts_in_a_declared_format_are_read_in_the_contract_and_for_partitions(open_shop):
    table = {**SETTINGS["tables"]["purchases"], "max_rejected_share": 0.7, "arrival": "bought_at"}
    shop = open_shop(settings={"tables": {"purchases": table}})
    assets = [raw_asset(shop.project, "purchases"), validated_asset(shop.project, "purchases")]
    formats = {"bought_at": "%d/%m/%Y %H:%M", "amount": {"unit": "$", "thousands": ","}}
    shop.declare(settings={"tables": {"purchases": {**table, "formats": formats}}})
    again = [raw_asset(shop.project, "purchases"), validated_asset(shop.project, "purchases")]
    for before, after in zip(assets, again, strict=True):
        assert not before.code_versions_by_key.items() & after.code_versions_by_key.items()
    rows = [
        ("p", "a", "31/1/2024 8:26", "$1,234.50"),
        ("q", "b", "1/2/2024 8:26", "$2"),
        ("r", "c", "2024-01-05", "$2"),
        ("s", "d", "5/1/2024 8:26", "2"),
    ]
    shop.write(FIRST, bought(*rows))
    ingest(shop, FIRST)
    kept = shop.frame("validated_purchases", FIRST)
    assert kept[["customer", "amount"]].to_numpy().tolist() == [["a", 1234.5]]
    assert kept["bought_at"].astype(str).tolist() == ["2024-01-31 08:26:00"]
    quarantined = shop.frame("quarantine_purchases", FIRST).set_index("customer")
    assert quarantined[names.BROKEN_RULES].map(list).to_dict() == {
        "c": ["bought_at: format(%d/%m/%Y %H:%M)"],
        "d": ["amount: format(1,234.5 $)"],
    }


def test_a_format_of_an_unknown_column_is_an_error(counting):
    table = {**SETTINGS["tables"]["purchases"], "formats": {"amout": {"unit": "$"}}}
    counting.declare(settings={"tables": {"purchases": table}})
    message = failure_message(counting.daemon.run(*TABLE, partition=FIRST))
    assert "formats.amout: amout is not a column of schema.py; did you mean amount?" in message


def test_times_in_a_declared_zone_are_in_utc_and_their_partitions_too(open_shop):
    table = {**SETTINGS["tables"]["purchases"], "max_rejected_share": 0.7, "arrival": "bought_at"}
    shop = open_shop(settings={"tables": {"purchases": table}})
    assets = [raw_asset(shop.project, "purchases"), validated_asset(shop.project, "purchases")]
    zoned = {**table, "time_zone": "Europe/Berlin"}
    shop.declare(settings={"tables": {"purchases": zoned}})
    again = [raw_asset(shop.project, "purchases"), validated_asset(shop.project, "purchases")]
    for before, after in zip(assets, again, strict=True):
        assert not before.code_versions_by_key.items() & after.code_versions_by_key.items()
    times = ["2024-01-31 23:59:59", "2024-02-01 00:30:00", "2024-02-01 01:30:00", "2024-01-15 12:00:00+05:00"]
    shop.write(FIRST, bought(*((f"p{row}", f"c{row}", time, 5) for row, time in enumerate(times))))
    ingest(shop, FIRST)
    kept = shop.frame("validated_purchases", FIRST).set_index("customer")["bought_at"]
    assert kept.astype(str).to_dict() == {
        "c0": "2024-01-31 22:59:59",
        "c1": "2024-01-31 23:30:00",
        "c3": "2024-01-15 07:00:00",
    }
