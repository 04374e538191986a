"""A static table whose file grew: only the appended rows are computed, with the result of all rows."""

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.resources import WarehouseResource
from mlops_assets.core import names
from mlops_assets.ml.contracts.splitting.row_split import RowSplit
from mlops_assets.stores.delta.content_digest import relation_digest
from mlops_assets.stores.warehouse.step_record import RECORD
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets_tests.support.loan_assets import LOAN_DATA, materialize, materialized

KEYED = {"loans": {"source": "data/*.csv", "key": ["number"], "max_rejected_share": 1.0}}
SCHEMA = """
import pandera.pandas as pa


class Loans(pa.DataFrameModel):
    number: int
    income: float = pa.Field(gt=0)
    amount: float = pa.Field(gt=0)
    purpose: str = pa.Field(isin=["car", "house", "other, or\\nunknown"])
    outcome: str = pa.Field(isin=["late", "paid"])
"""
HEADER = "number,income,amount,purpose,outcome"
TABLES = ("raw_loans", "validated_loans", "quarantine_loans", "features")
ADDED, ALL = "only added rows are computed", "all rows are computed, because "


class Loans:
    """A keyed project of loans, its file, and two states: one that grows and one of the whole file."""

    def __init__(
        self, project: Project, file: Path, stores: dict[str, Any], instance: dg.DagsterInstance, other: Path
    ) -> None:
        self.project, self.file, self.instance = project, file, instance
        self.grown, self.whole = stores, {**stores, "warehouse": WarehouseResource(root=str(other))}
        self.store, self.other = (Warehouse(one["warehouse"].root) for one in (self.grown, self.whole))

    def run(self, stores: dict[str, Any] | None = None) -> dict[str, str]:
        """Run the three steps; see `ways`."""
        result = materialize(
            [build(self.project) for build in LOAN_DATA[:3]], stores or self.grown, self.instance
        )
        assert result.success
        self.shown = {
            name: {key: value.value for key, value in materialized(result, name).items()} for name in TABLES
        }
        return self.ways(result.run_id)

    def ways(self, run_id: str) -> dict[str, str]:
        """Which rows the steps of a run computed, and why."""
        messages = [entry.user_message for entry in self.instance.all_logs(run_id)]
        return {
            name: message.split(": ", 1)[1].removeprefix(ALL)
            for name in TABLES
            for message in messages
            if message.startswith(f"lending/{name}: ")
        }

    def append(self, lines: Sequence[str], end: str = "\n") -> None:
        with self.file.open("a", encoding="utf-8", newline="") as stream:
            stream.write("".join(line + end for line in lines))

    def contents(self, store: Warehouse) -> dict[str, list[tuple]]:
        """The rows of each table in the order of the file, without the digest of the file."""
        found = {}
        with store.connect() as connection:
            for name in TABLES:
                table = ("lending", name)
                rows = store.relation(connection, table)
                assert relation_digest(rows)[1] == store.digest(table)
                kept = [column for column in rows.columns if column != names.SOURCE_SHA256]
                order = names.SOURCE_ROW if names.SOURCE_ROW in kept else names.ROW_ID
                found[name] = [tuple(kept), *rows.order(order).project(", ".join(kept)).fetchall()]
        return found

    def require_equal_to_all(self) -> None:
        """Compare the tables, and what the run has shown of them, with those of a run on the whole file."""
        shown = self.shown
        ways = self.run(self.whole)
        assert not any(ADDED in way for way in ways.values())
        assert self.contents(self.store) == self.contents(self.other)
        for name in TABLES:
            assert self.store.digest(("lending", name)) == self.other.digest(("lending", name))
            same = {"dagster/row_count", "dagster/column_schema", "broken_rules", "dagster/table_name"}
            assert {key: shown[name].get(key) for key in same} == {
                key: self.shown[name].get(key) for key in same
            }
        with self.store.connect() as connection:
            raw = self.store.relation(connection, ("lending", "raw_loans")).project(names.SOURCE_ROW)
            assert [row for (row,) in raw.fetchall()] == list(range(1, len(raw) + 1))
        for folder in self.other.root.glob(f"lending/*/{RECORD}"):
            folder.unlink()  # the next run on the whole file computes all rows, too


def rows(seed: int, first: int, count: int) -> Iterator[str]:
    """Lines with numbers from `first`, of which some violate rules and some repeat a number among them."""
    draw = random.Random(seed)
    for number in range(first, first + count):
        repeated = draw.randrange(first, number + 1) if draw.random() < 0.2 else number
        income = draw.choice(["", "-1", "many"]) if draw.random() < 0.2 else f"{draw.uniform(1, 9000):.2f}"
        purpose = draw.choice(["car", "house", '"other, or\nunknown"', '"yacht ""Ada"""'])
        yield f"{repeated},{income},{draw.uniform(100, 9000):.2f},{purpose},{draw.choice(['late', 'paid'])}"


Open = Callable[..., Loans]


@pytest.fixture
def open_loans(make_project, tmp_path: Path, stores, instance) -> Open:
    """A function that creates the project with 60 rows; the steps have run."""

    def open_(end: str = "\n", schema: str = SCHEMA, last: str = "\n", **settings: Any) -> Loans:
        project = make_project(schema=schema, tables=KEYED, **settings)
        file = tmp_path / "data" / "loans.csv"
        file.parent.mkdir()
        text = end.join([HEADER, *rows(0, 1, 60)]) + (end if last else "")
        file.write_bytes(text.encode())
        loans = Loans(project, file, stores, instance, tmp_path / "other" / "warehouse")
        first = loans.run()
        assert set(first.values()) == {"no earlier run is recorded"}
        return loans

    return open_


def test_appended_rows_have_the_result_of_all_rows(open_loans: Open, monkeypatch: pytest.MonkeyPatch):
    loans = open_loans("\r\n")
    read: list[int] = []
    split = RowSplit.valid
    monkeypatch.setattr(RowSplit, "valid", lambda self: read.append(len(self.raw)) or split(self))
    for seed, count in ((1, 40), (2, 3)):
        loans.append(list(rows(seed, 1000 * seed, count)), "\r\n")
        assert loans.run() == dict.fromkeys(("raw_loans", "validated_loans", "features"), ADDED)
    loans.append(["5000,-1,1,car,late"], "\r\n")  # validated and features have no new row
    ways = loans.run()
    assert (ways["validated_loans"], ways["features"]) == (ADDED, "lending/validated_loans has no new rows")
    assert read == [40, 3, 1]
    loans.require_equal_to_all()


def test_rows_that_repeat_an_earlier_key_and_a_rewritten_file_are_computed_with_all_rows(open_loans: Open):
    loans = open_loans()
    loans.append(["1,5,5,car,late", "70,5,5,car,late"])
    ways = loans.run()
    assert ways["raw_loans"] == ADDED
    assert ways["validated_loans"] == "new rows have the key or unique values of earlier ones"
    assert ways["features"] == "lending/validated_loans was written anew"
    loans.require_equal_to_all()
    loans.file.write_bytes(loans.file.read_bytes().replace(b"70,5,5", b"71,5,5") + b"80,5,5,car,late\n")
    assert loans.run()["raw_loans"] == "loans.csv was changed in its earlier part"


def test_a_changed_contract_and_features_of_other_rows_need_all_rows(open_loans: Open, make_project):
    loans = open_loans()
    changed = SCHEMA.replace("gt=0", "gt=1")
    features = "select row_id, income, avg(amount) over () as mean from loans"
    loans.project = make_project(schema=changed, tables=KEYED, features_sql=features)
    loans.append(["70,0.5,5,car,late", "71,5,5,car,late"])
    result = materialize([build(loans.project) for build in LOAN_DATA[:3]], loans.grown, loans.instance)
    ways = loans.ways(result.run_id)
    assert ways["raw_loans"] == ADDED
    assert ways["validated_loans"] == "settings, code or a library have changed"
    assert ways["features"] == "features.sql may compute a row from other rows"


def test_a_step_that_died_between_its_tables_computes_all_rows(
    open_loans: Open, monkeypatch: pytest.MonkeyPatch
):
    loans = open_loans()
    rejected = loans.contents(loans.store)["quarantine_loans"][1:]
    loans.append(["70,-5,5,car,late", "71,5,5,car,late"])
    with monkeypatch.context() as patched:
        patched.setattr(RowSplit, "quarantine", lambda _: 1 / 0)
        steps = [build(loans.project) for build in LOAN_DATA[:2]]
        assert not materialize(steps, loans.grown, loans.instance).success
    ways = loans.run()
    assert "is not the one that the last run wrote" in ways["validated_loans"]
    assert loans.store.row_counts(("lending", "quarantine_loans")) == {None: len(rejected) + 1}
