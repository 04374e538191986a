"""Rows of source files: unmodified, with their provenance, and one schema for several files."""

import gzip
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.stores.files.csv_dialect import Dialect
from mlops_assets.stores.files.listing import find_files
from mlops_assets.stores.files.reader import read_files, verified_relations
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets_tests.support.file_table import FileTable

SUBJECT = "shop: table orders"
Read = Callable[..., pd.DataFrame]


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture
def read(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> Read:
    """Write files, ingest them into a table, and read the table."""

    def run(source: str = ".", **files: bytes) -> pd.DataFrame:
        for name, content in files.items():
            path = tmp_path / "data" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        found = find_files(tmp_path / "data" / source, subject=SUBJECT)
        relations = read_files(connection, found, subject=SUBJECT)
        warehouse = Warehouse(tmp_path / "warehouse")
        with verified_relations(found, relations, subject=SUBJECT) as verified:
            warehouse.write(("shop", "raw_orders"), verified)
        frame = warehouse.frame(("shop", "raw_orders"))
        return frame.sort_values(["_source_file", "_row"], ignore_index=True)

    return run


def values(frame: pd.DataFrame) -> list[tuple]:
    """The rows without their provenance; null is None."""
    bare = frame.drop(columns=["_source_file", "_source_sha256", "_row"]).astype(object)
    return list(bare.where(bare.notna(), None).itertuples(index=False, name=None))


def parquet(tmp_path: Path, frame: pd.DataFrame) -> bytes:
    frame.to_parquet(tmp_path / "written")
    return (tmp_path / "written").read_bytes()


CSV = b"number,name\n1,x\n2.50,\n"
JSONL = b'{"number": 1, "name": "x"}\n{"number": 2.5}\n'


@pytest.mark.parametrize("name", ["a[1]", "a*", "a?", "[!b]1", "a'1"])
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".jsonl", ".json", ".parquet"])
def test_a_name_with_signs_of_patterns_is_one_file(read: Read, tmp_path: Path, name: str, suffix: str):
    def content(text: str) -> bytes:
        match suffix:
            case ".csv":
                return f"name\n{text}\n".encode()
            case ".csv.gz":
                return gzip.compress(f"name\n{text}\n".encode(), mtime=0)
            case ".parquet":
                return parquet(tmp_path, pd.DataFrame({"name": [text]}))
        return f'{{"name": "{text}"}}\n'.encode()

    files = {f"{name}{suffix}": content("own"), f"a1{suffix}": content("other")}
    frame = read(f"{name}{suffix}", **files)
    assert values(frame) == [("own",)]
    assert list(frame["_source_file"]) == [f"{name}{suffix}"]


@pytest.mark.parametrize(
    ("name", "content", "rows"),
    [
        ("a.csv", CSV, [("1", "x"), ("2.50", None)]),
        ("a.csv.gz", gzip.compress(CSV, mtime=0), [("1", "x"), ("2.50", None)]),
        ("a.jsonl", JSONL, [("1", "x"), ("2.5", None)]),
        ("a.ndjson.gz", gzip.compress(JSONL, mtime=0), [("1", "x"), ("2.5", None)]),
    ],
)
def test_csv_and_json_lines_are_text(read: Read, name: str, content: bytes, rows: list[tuple]):
    frame = read(**{name: content})
    assert values(frame) == rows
    assert frame["_row"].tolist() == [1, 2]
    assert frame["_source_file"].tolist() == [name] * 2
    assert frame["_source_sha256"].tolist() == [sha256(content).hexdigest()] * 2


def test_parquet_keeps_its_types(read: Read, tmp_path: Path):
    frame = pd.DataFrame({"number": [1, 2], "day": pd.to_datetime(["2024-01-01", None])})
    read_back = read(**{"a.parquet": parquet(tmp_path, frame)})
    assert read_back["number"].dtype == "int64"
    assert read_back["day"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfa,b\n1,2\n",
        b"a,b\r\n1,2\r\n",
        b" a , b\n1,2\n",
        b'"a","b"\n"1","2"\n',
        b"a,b\n1,2",
        b"a,b\n\n1,2\n\n",
    ],
    ids=["byte order mark", "CRLF", "spaces in the header", "quotes", "no newline at the end", "empty lines"],
)
def test_variants_of_the_same_csv_file_have_the_same_rows(read: Read, content: bytes):
    frame = read(**{"a.csv": content})
    assert list(frame.columns)[:2] == ["a", "b"]
    assert values(frame) == [("1", "2")]


def test_quoted_fields_may_contain_delimiters_quotes_and_line_ends(read: Read):
    frame = read(**{"a.csv": 'a,"b ""x"""\n"line\nbreak","1,5"\n"""é""",#2\n'.encode()})
    assert list(frame.columns)[:2] == ["a", 'b "x"']
    assert values(frame) == [("line\nbreak", "1,5"), ('"é"', "#2")]
    assert frame["_row"].tolist() == [1, 2]


def test_rows_are_numbered_in_the_order_of_a_long_file(read: Read):
    frame = read(**{"a.csv": b"a\n" + b"".join(b"%d\n" % number for number in range(1, 150_001))})
    assert (frame["a"].astype(int) == frame["_row"]).all()
    assert len(frame) == 150_000


def test_files_with_different_columns_are_united_into_one_table(read: Read):
    frame = read(**{"a.csv": b"a\n1\n", "b.csv": b"b,a\nx,2\n", "c.jsonl": b'{"c": true, "a": 7}\n'})
    assert list(frame.columns)[:3] == ["a", "b", "c"]
    assert values(frame) == [("1", None, None), ("2", "x", None), ("7", None, "true")]
    assert frame["_source_file"].tolist() == ["a.csv", "b.csv", "c.jsonl"]
    assert frame["_row"].tolist() == [1, 1, 1]


def test_the_first_files_types_do_not_change_later_values(read: Read, tmp_path: Path):
    frame = read(**{"a.jsonl": b'{"a": 1, "b": 1}\n', "b.jsonl": b'{"a": 3.5, "b": "x"}\n'})
    assert values(frame) == [("1", "1"), ("3.5", "x")]


def test_a_header_without_rows_is_an_empty_table(read: Read):
    frame = read(**{"a.csv": b"a,b\n"})
    assert values(frame) == []
    assert list(frame.columns)[:2] == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", b"", "a.csv has no header"),
        ("a.csv", b"\n1,2\n", "a.csv has no header"),
        ("a.csv.gz", gzip.compress(b"", mtime=0), "a.csv.gz has no header"),
        ("a.jsonl", b"", "a.jsonl has no rows"),
        ("a.parquet", b"", "a.parquet is empty and not a Parquet file"),
        ("a.csv.gz", b"a,b\n", "a.csv.gz can't be decompressed: Not a gzipped file"),
        ("a.csv", b"a,A\n1,2\n", "a.csv: duplicate column a "),
        ("a.csv", b"a,_ROW\n1,2\n", "a.csv: column _row is a reserved name"),
        ("a.csv", b"a,_broken_rules\n1,2\n", "a.csv: column _broken_rules is a reserved name"),
        ("a.jsonl", b'{"_source_file": 1}\n', "a.jsonl: column _source_file is a reserved name"),
    ],
)
def test_an_unusable_file_is_reported_by_its_name(read: Read, name: str, content: bytes, expected: str):
    with pytest.raises(DataError, match=f"shop: table orders: .*{expected}"):
        read(**{name: content})


def test_columns_of_several_files_must_not_differ_in_case_only(read: Read):
    with pytest.raises(DataError, match="duplicate column a "):
        read(**{"a.csv": b"a\n1\n", "b.csv": b"A\n1\n"})


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"id,name\n", "a.csv has a header and no rows\n  hint: check the program that writes the file"),
        (b"id,name,ID\n1,x,2\n", "a.csv: duplicate column id (names are not case-sensitive)"),
    ],
)
def test_a_file_without_rows_or_with_duplicate_columns_leaves_the_table_unchanged(
    error_of, content: bytes, expected: str
):
    assert expected in error_of("a.csv", content)


def test_numbers_beside_text_with_a_declared_number_format_are_an_error(table: FileTable, record_property):
    (table.folder / "a.csv").write_bytes(b"id\n1\n")
    pd.DataFrame({"id": [1.5]}).to_parquet(table.folder / "b.parquet")
    with pytest.raises(
        DataError, match=r"column id is DOUBLE in .*b\.parquet, and text in .*a\.csv with a declared number"
    ) as raised:
        table.ingest(dialect=Dialect(decimal=","))
    record_property("message", str(raised.value))
