"""Logged requests find the rows of the table by its key, also where the log has digests of it."""

from datetime import date
from types import SimpleNamespace

import duckdb
import pyarrow as pa
import pytest

from mlops_assets.components.model_project.monitoring.assets import report_assets
from mlops_assets.components.model_project.monitoring.performance.logged_keys import (
    KEY_BITS,
    has_declared_key,
    with_key_bits,
)
from mlops_assets.components.model_project.monitoring.report import ReportRun
from mlops_assets.components.model_project.project.declared_tables import declared_contract
from mlops_assets.ml.contracts.row_ids import key_bits_sql, with_row_ids
from mlops_assets.ml.scoring.plain_rows import written_texts
from mlops_assets.serving.log.key_digests import KeyDigests
from mlops_assets.stores.system.row_id_key import row_id_key

SCHEMA = """
import pandera.pandas as pa


class Loans(pa.DataFrameModel):
    loan: int
    paid: pa.Date
    income: float
    outcome: str
"""
TABLE = {
    "source": "data/*.csv",
    "key": ["loan", "paid"],
    "formats": {"paid": "%d.%m.%Y", "loan": {"thousands": "."}},
}
ROWS = [(1_007, date(2024, 2, 1)), (8, date(2024, 2, 1)), (8, date(2024, 1, 2))]
SENT = [
    {"loan": "1.007", "paid": "01.02.2024"},
    {"loan": 8, "paid": "01.02.2024"},
    {"loan": 8.0, "paid": "02.01.2024"},
    {"loan": 9, "paid": "02.01.2024"},
]
LOG = {"serving": {"log": {"enabled": True, "sensitive": "hash"}}}


def run_of(project, warehouse, connection, *, key, secret=None):
    """A report run over a validated table whose row IDs are of a key, and the bits of its rows."""
    folder = warehouse.root / "scratch"
    folder.mkdir(parents=True)
    rows = pa.table({"loan": [loan for loan, _ in ROWS], "paid": [paid for _, paid in ROWS]})
    places = connection.from_arrow(rows).project("*, 'a' as _source_file, row_number() over () as _row")
    identified = with_row_ids(connection, places, key, folder, secret)
    written = warehouse.write(project.table_key("validated").path, identified.project("loan, paid, row_id"))
    inputs = {"/".join(project.table_key("validated").path): written.version}
    labels = warehouse.relation(connection, project.table_key("validated").path).project("row_id")
    made = warehouse.write(project.key("training_set").path, labels, inputs=inputs)
    table = warehouse.relation(connection, project.table_key("validated").path)
    bits = {
        (loan, paid): found for loan, paid, found in table.project(f"loan, paid, {key_bits_sql()}").fetchall()
    }
    run = ReportRun(project, warehouse, None, connection, None, [None], warehouse.root)
    return run, bits, SimpleNamespace(facts={"training_set_version": str(made.version)})


@pytest.mark.parametrize("sensitive", [[], ["loan"], ["loan", "paid"]])
def test_the_key_of_a_request_is_that_of_the_row_however_it_was_written(make_project, warehouse, sensitive):
    project = make_project(schema=SCHEMA, tables={"loans": {**TABLE, "sensitive": sensitive}}, **LOG)
    secret = row_id_key(warehouse.root) if sensitive else None
    with duckdb.connect() as connection:
        run, bits, _ = run_of(project, warehouse, connection, key=TABLE["key"], secret=secret)
        columns = declared_contract(project, "loans", for_training=False).columns
        hashed = [column for column in columns if column.name in sensitive]
        digests = KeyDigests(hashed).of(SENT, secret or b"")
        logged = pa.table(
            {
                column.name: digests[column.name]
                if column.name in sensitive
                else written_texts([row[column.name] for row in SENT], column)
                for column in columns
                if column.name in TABLE["key"]
            }
        )
        found = with_key_bits(run, connection.from_arrow(logged)).project(KEY_BITS).fetchall()
    wanted = [bits[row] for row in ROWS]
    assert [each for (each,) in found][:3] == wanted
    assert found[3][0] not in wanted
    if sensitive:
        assert found[3] == (None,), "no row of the table has the digest"
        assert "8" not in digests["loan"].to_pylist()


def test_a_version_that_was_trained_with_another_key_is_recognised(make_project, warehouse):
    project = make_project(schema=SCHEMA, tables={"loans": TABLE}, **LOG)
    with duckdb.connect() as connection:
        run, _, trained = run_of(project, warehouse, connection, key=["loan", "paid"])
        assert has_declared_key(run, trained)
        other = make_project(schema=SCHEMA, tables={"loans": {**TABLE, "key": ["loan"]}}, **LOG)
        assert not has_declared_key(ReportRun(other, *list(vars(run).values())[1:7]), trained)


@pytest.mark.parametrize(
    ("key", "log", "assets"),
    [
        (["loan"], {"enabled": True}, ["drift_report", "performance_report"]),
        ([], {"enabled": True}, ["drift_report"]),
        (["loan"], {"enabled": False}, []),
        (["paid"], {"enabled": True}, ["drift_report"]),
        (["paid"], {"enabled": True, "sensitive": "hash"}, ["drift_report", "performance_report"]),
    ],
    ids=["key", "no key", "no log", "a sensitive key is left out", "a sensitive key is hashed"],
)
def test_the_report_exists_where_a_target_can_be_joined(make_project, key, log, assets):
    table = {**TABLE, "key": key, "sensitive": ["paid"]}
    project = make_project(schema=SCHEMA, tables={"loans": table}, serving={"log": log})
    found = [made.key.path[1] for made in report_assets(project)]
    assert found == assets
