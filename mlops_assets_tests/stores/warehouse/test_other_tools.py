"""Other tools read a table through its Delta log, as `docs/operations.md` shows."""

import re
from pathlib import Path

import duckdb

ROOT = Path(__file__).parents[3]
KEY = ("shop", "predictions")
SECTION = (
    (ROOT / "docs" / "operations.md")
    .read_text("utf-8")
    .split("## Read the tables with other tools")[1]
    .split("\n## ")[0]
)


def test_the_documented_code_reads_the_current_rows(warehouse, rows):
    warehouse.write(KEY, rows("(1, 'x'), (2, 'x')"), partition="2025-06")
    warehouse.write(KEY, rows("(3, 'y')"), partition="2025-06")
    warehouse.write(KEY, rows("(4, 'z')"), partition="2025-07")
    path = str(warehouse.root.joinpath(*KEY))

    [code] = re.findall(r"```python\n(.*?)```", SECTION, flags=re.DOTALL)
    namespace: dict = {}
    exec(code.replace("data/state/warehouse/customer_churn/predictions", path), namespace)
    assert sorted(namespace["predictions"]["a"]) == [3, 4]

    cells = dict(re.findall(r"^\| (\w+) \| `([^`]+)`", SECTION, flags=re.MULTILINE))
    assert sorted(eval(cells["DuckDB"], namespace | {"duckdb": duckdb}).project("a").fetchall()) == [
        (3,),
        (4,),
    ]
    argument = re.search(r"`(partitions=[^`]+)`", SECTION)
    assert argument is not None
    assert eval(f"table.to_pandas({argument[1]})", namespace)["a"].tolist() == [3]


def test_all_parquet_files_of_the_folder_are_all_versions(warehouse, rows):
    warehouse.write(KEY, rows("(1, 'x'), (2, 'x')"))
    warehouse.write(KEY, rows("(3, 'y')"))
    folder = warehouse.root.joinpath(*KEY)
    assert len(duckdb.read_parquet(f"{folder}/**/*.parquet")) == 3
