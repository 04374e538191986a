"""What `mlops run` prints of bad files, that tables keep what they held, and that mended files go through.

What is wrong with which file is looked at in `stores/test_bad_files.py`; here is one fault of each kind.
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
def bring(root, record_property) -> Callable[[bytes | None], str]:
    """Run up to the validated table with another file; what is told, empty when all went well."""

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
        record_property("told", message)
        return message

    return run


def held(root: Path, table: tuple[str, ...]) -> pd.DataFrame:
    frame = Warehouse(root / "data" / "state" / "warehouse").frame(table)
    return frame.sort_values("_row", ignore_index=True)


def test_a_bad_file_is_told_its_table_stays_as_it_was_and_a_mended_one_goes_through(root, bring):
    assert bring(TEXT.encode()) == ""
    before = {table: held(root, table) for table in (RAW, VALIDATED)}
    cut = TEXT.rstrip().rpartition(",")[0].encode()
    for content, told in (
        (None, "lending: table loans: no file at data/*.csv hint: put one there"),
        (TEXT.splitlines()[0].encode(), "lending: table loans: data/loans.csv has columns and no row"),
        (cut, "lending: table loans: data/loans.csv, row 60 (line 61) has 3 fields, the header 4"),
        (TEXT.replace("car", "caf\xe9", 1).encode("cp1252"), "hint: declare csv.encoding: cp1252"),
    ):
        assert told in bring(content)
        for table, frame in before.items():
            pd.testing.assert_frame_equal(held(root, table), frame)
    assert bring(loans(61).to_csv(index=False).encode()) == ""
    assert len(held(root, VALIDATED)) == 61


def test_columns_may_come_in_any_order_with_others_and_a_renamed_one_is_named(root, bring):
    shuffled = SOUND[["outcome", "purpose", "amount", "income"]].assign(more="x")
    assert bring(b"\xef\xbb\xbf" + shuffled.to_csv(index=False).encode()) == ""
    before = held(root, VALIDATED)
    assert before["income"].tolist() == SOUND["income"].tolist()
    assert "more" not in before
    told = bring(SOUND.rename(columns={"income": "Incomes"}).to_csv(index=False).encode())
    assert "lacks the columns income; it has Incomes, amount, purpose, outcome. Did you mean Incomes" in told
    pd.testing.assert_frame_equal(held(root, VALIDATED), before)


def test_values_that_break_a_rule_are_quarantined_with_it(root, bring):
    rows = SOUND.astype(object)
    rows.loc[0, "income"], rows.loc[1, "amount"], rows.loc[2, "amount"] = "1.234,5", "inf", "NaN"
    rows.loc[3, "purpose"] = "NA"
    told = bring(rows.to_csv(index=False, na_rep="NaN").encode())
    assert "4 of 60 rows (6.67%) violate the contract; the limit is 5.00%" in told
    assert "1 of 1 invalid numbers have a decimal comma; if the file uses decimal commas" in told
    quarantined = held(root, ("lending", "quarantine_loans"))
    assert [list(rules) for rules in quarantined["_broken_rules"]] == [
        ["income: dtype(float64)"],
        ["amount: finite"],
        ["amount: not_nullable"],
        ["purpose: not_nullable"],
    ]
    assert quarantined["income"].tolist()[0] == "1.234,5"


def test_a_changed_dialect_reads_the_file_again_and_a_wrong_one_is_told_with_file_and_line(root, bring):
    declared = next(root.glob("*/defs/lending/defs.yaml"))
    semicolons = SOUND.to_csv(index=False, sep=";", decimal=",").encode("utf-16")
    text = declared.read_text()
    declared.write_text(text.replace("nulls:", "decimal: ','\n        delimiter: ;\n        nulls:"))
    assert bring(semicolons) == ""
    assert held(root, VALIDATED)["income"].tolist() == SOUND["income"].tolist()
    declared.write_text(text.replace("nulls:", "encodin: utf-8\n        nulls:"))
    assert "tables.loans.csv.encodin is no setting; did you mean encoding?" in bring(semicolons)
    declared.write_text(text.replace("nulls:", "encoding: utf-88\n        nulls:"))
    assert "encoding is 'utf-88': Python knows no such encoding" in bring(semicolons)
    declared.write_text(text.replace("nulls:", "delimiter: ;;\n        nulls:"))
    told = bring(semicolons)
    line = 1 + declared.read_text().splitlines().index("        delimiter: ;;")
    assert f"defs.yaml:{line}: csv.delimiter is ';;', and is one character" in told
