"""`mlops run` with bad files: the message, the unchanged tables, and the next run with a corrected file.

The tests in `stores/files` cover every error of a file; here is one of each kind.
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets_tests.support.command_line import flat, mlops
from mlops_assets_tests.support.dg_project import write_dg_project
from mlops_assets_tests.support.loans import ATTRIBUTES, FEATURES_SQL, SCHEMA, loans

SOUND = loans(60)
TEXT = SOUND.to_csv(index=False)
RAW, VALIDATED = ("lending", "raw_loans"), ("lending", "validated_loans")


@pytest.fixture
def root(tmp_path, monkeypatch, empty_tracking_store) -> Path:
    root = tmp_path / "project"
    tables = {"loans": {"source": "data/*.csv", "csv": {"nulls": ["NA"]}}}
    texts = {"schema.py": SCHEMA, "features.sql": FEATURES_SQL}
    write_dg_project(root, "lending", {**ATTRIBUTES, "tables": tables}, texts, mlflow=empty_tracking_store)
    monkeypatch.syspath_prepend(str(root))
    monkeypatch.setenv("DAGSTER_HOME", str(root))
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def ingest(root, record_property) -> Callable[[bytes | None], str]:
    """Run up to the validated table with another file; the error message, empty after a success."""

    def run(content: bytes | None) -> str:
        file = root / "data" / "loans.csv"
        file.unlink(missing_ok=True)
        if content is not None:
            file.write_bytes(content)
        done = mlops("run", "lending", "--until", "validated_loans")
        assert "Traceback" not in done.output
        if done.exit_code == 0:
            return ""
        assert isinstance(done.exception, SystemExit), done.exception
        message = flat(done.stderr).replace(f"{root}/", "")
        record_property("message", message)
        return message

    return run


def rows_of(root: Path, table: tuple[str, ...]) -> pd.DataFrame:
    frame = Warehouse(root / "data" / "state" / "warehouse").frame(table)
    return frame.sort_values("_row", ignore_index=True)


def test_a_bad_file_is_reported_and_the_table_is_unchanged_until_it_is_corrected(root, ingest):
    assert ingest(TEXT.encode()) == ""
    before = {table: rows_of(root, table) for table in (RAW, VALIDATED)}
    cut = TEXT.rstrip().rpartition(",")[0].encode()
    for content, expected in (
        (None, "lending: table loans: no file at data/*.csv hint: put a file there"),
        (TEXT.splitlines()[0].encode(), "lending: table loans: data/loans.csv has a header and no rows"),
        (cut, "lending: table loans: data/loans.csv, row 60 (line 61) has 3 fields, the header 4"),
        (
            TEXT.replace("car", "caf\xe9", 1).encode("cp1252"),
            "hint: if that is correct, declare csv.encoding: cp1252",
        ),
    ):
        assert expected in ingest(content)
        for table, frame in before.items():
            pd.testing.assert_frame_equal(rows_of(root, table), frame)
    assert ingest(loans(61).to_csv(index=False).encode()) == ""
    assert len(rows_of(root, VALIDATED)) == 61


def test_columns_may_have_any_order_and_a_renamed_one_is_reported(root, ingest):
    shuffled = SOUND[["outcome", "purpose", "amount", "income"]].assign(more="x")
    assert ingest(b"\xef\xbb\xbf" + shuffled.to_csv(index=False).encode()) == ""
    before = rows_of(root, VALIDATED)
    assert before["income"].tolist() == SOUND["income"].tolist()
    assert "more" not in before
    message = ingest(SOUND.rename(columns={"income": "Incomes"}).to_csv(index=False).encode())
    assert (
        "lacks the column income; it has Incomes, amount, purpose, outcome. Did you mean Incomes" in message
    )
    pd.testing.assert_frame_equal(rows_of(root, VALIDATED), before)


def test_values_that_violate_a_rule_are_quarantined_with_the_rule(root, ingest):
    rows = SOUND.astype(object)
    rows.loc[0, "income"], rows.loc[1, "amount"], rows.loc[2, "amount"] = "1.234,5", "inf", "NaN"
    rows.loc[3, "purpose"] = "NA"
    message = ingest(rows.to_csv(index=False, na_rep="NaN").encode())
    assert "4 of 60 rows (6.67%) violate the contract; the limit is 5.00%" in message
    assert "1 of 1 invalid numbers have a decimal comma; if the file uses decimal commas" in message
    quarantined = rows_of(root, ("lending", "quarantine_loans"))
    assert [list(rules) for rules in quarantined["_broken_rules"]] == [
        ["income: dtype(float64)"],
        ["amount: finite"],
        ["amount: not_nullable"],
        ["purpose: not_nullable"],
    ]
    assert quarantined["income"].tolist()[0] == "1.234,5"


def test_a_changed_dialect_reads_the_file_again_and_a_wrong_one_is_reported_with_file_and_line(root, ingest):
    declared = next(root.glob("*/defs/lending/defs.yaml"))
    semicolons = SOUND.to_csv(index=False, sep=";", decimal=",").encode("utf-16")
    text = declared.read_text()
    declared.write_text(text.replace("nulls:", "decimal: ','\n        delimiter: ;\n        nulls:"))
    assert ingest(semicolons) == ""
    assert rows_of(root, VALIDATED)["income"].tolist() == SOUND["income"].tolist()
    declared.write_text(text.replace("nulls:", "encodin: utf-8\n        nulls:"))
    assert "tables.loans.csv.encodin is not a setting; did you mean encoding?" in ingest(semicolons)
    declared.write_text(text.replace("nulls:", "encoding: utf-88\n        nulls:"))
    assert "encoding is 'utf-88': unknown encoding" in ingest(semicolons)
    declared.write_text(text.replace("nulls:", "delimiter: ;;\n        nulls:"))
    message = ingest(semicolons)
    line = 1 + declared.read_text().splitlines().index("        delimiter: ;;")
    assert f"defs.yaml:{line}: csv.delimiter is ';;'; use one character" in message
