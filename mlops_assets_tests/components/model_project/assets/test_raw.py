"""raw_<table>: unchanged rows with provenance, from files, in partitions."""

import gzip

import pandas as pd

from mlops_assets.components.model_project.assets.raw import raw_asset
from mlops_assets.core import names
from mlops_assets.core.command_user import run_of_command
from mlops_assets_tests.support.daemon import failure_message
from mlops_assets_tests.support.events import COUNTS, bought, counts
from mlops_assets_tests.support.loan_assets import materialize
from mlops_assets_tests.support.loans import loans
from mlops_assets_tests.support.shop import MONTHS

FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH = MONTHS[:6]


def test_rows_are_unchanged_and_have_file_and_row_number(
    make_project, write_loans, stores, warehouse, instance
):
    project = make_project()
    write_loans(loans(3).assign(income=["1.50", "x", ""]))
    assert materialize([raw_asset(project, "loans")], stores, instance).success
    found = warehouse.frame(project.table_key(names.RAW).path)
    assert found["income"].tolist()[:2] == ["1.50", "x"]
    assert pd.isna(found["income"][2])
    assert found[names.SOURCE_ROW].tolist() == [1, 2, 3]
    assert set(found[names.SOURCE_FILE]) == {"loans.csv"}


def test_a_run_can_read_another_source(make_project, stores, warehouse, instance, tmp_path):
    project = make_project()
    other = tmp_path / "elsewhere"
    other.mkdir()
    with gzip.open(other / "any_name.csv.gz", "wt") as stream:
        loans(7).to_csv(stream, index=False)
    config = {"ops": {"lending__raw_loans": {"config": {"source": str(other)}}}}
    with run_of_command():
        assert materialize([raw_asset(project, "loans")], stores, instance, run_config=config).success
    assert len(warehouse.frame(project.table_key(names.RAW).path)) == 7


def test_a_run_of_the_launchpad_reads_no_source_outside_of_the_roots(
    make_project, stores, instance, tmp_path
):
    project = make_project()
    (tmp_path / "elsewhere").mkdir()
    loans(3).to_csv(tmp_path / "elsewhere" / "loans.csv", index=False)
    config = {"ops": {"lending__raw_loans": {"config": {"source": str(tmp_path / "elsewhere")}}}}
    result = materialize([raw_asset(project, "loans")], stores, instance, run_config=config)
    assert not result.success
    assert "lending: table loans: the configuration of the run names the source" in failure_message(result)
    assert "add its folder to `source_roots`" in failure_message(result)


def test_a_missing_source_is_reported(make_project, stores, instance):
    result = materialize([raw_asset(make_project(), "loans")], stores, instance)
    assert not result.success
    assert "lending: table loans: no file at" in failure_message(result)


def test_a_partition_without_files_is_reported(counting):
    message = failure_message(counting.daemon.run("shop/raw_purchases", partition=SIXTH))
    assert "shop: table purchases: no file for partition 2024-06 at" in message
    assert "available are 2024-01 to 2024-03" in message


def test_rows_of_one_file_arrive_by_their_arrival_column(open_shop):
    table = {"source": "data/all.csv", "time": "bought_at", "arrival": "bought_at", "key": ["purchase_id"]}
    shop = open_shop(
        features_sql=COUNTS, settings={"tables": {"purchases": {**table, "max_rejected_share": 0.5}}}
    )
    bought(
        ("p1", "a", "2024-01-10", 5),
        ("p2", "a", "2024-02-10", 5),
        ("odd", "b", "soon", 5),
        ("old", "c", "2023-05-01", 5),
    ).to_csv(shop.root / "data" / "all.csv", index=False)
    assert shop.ingest(FIRST, SECOND) == {"shop/features": [FIRST, SECOND], "shop/target": [FIRST]}
    assert set(shop.frame("validated_purchases", FIRST)["purchase_id"]) == {"p1", "old"}
    [quarantined] = shop.frame("quarantine_purchases", FIRST).to_dict("records")
    assert quarantined["purchase_id"] == "odd"
    assert list(quarantined[names.BROKEN_RULES]) == ["bought_at: dtype(datetime64[ns])"]
    assert counts(shop, SECOND) == {"a": 2, "c": 1}
    frame = pd.read_csv(shop.root / "data" / "all.csv")
    frame = pd.concat([frame, bought(("p3", "a", "2024-02-20", 5))])
    frame.to_csv(shop.root / "data" / "all.csv", index=False)
    before = shop.digests("raw_purchases")
    ran = shop.ingest(SECOND)
    assert ran["shop/features"] == [SECOND], "only the month whose rows changed"
    assert shop.digests("raw_purchases")[FIRST] == before[FIRST]
    assert counts(shop, SECOND) == {"a": 3, "c": 1}
