"""Source files: which are found, and that their rows come as they are."""

import gzip
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.stores.files.listing import find_files, list_files
from mlops_assets.stores.files.reader import each_unchanged, read_files
from mlops_assets.stores.warehouse.warehouse import Warehouse

SUBJECT = "shop: table orders"
Read = Callable[..., pd.DataFrame]


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture
def read(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> Read:
    """Write files, bring them through the warehouse, and read the table."""

    def run(source: str = ".", **files: bytes) -> pd.DataFrame:
        for name, content in files.items():
            path = tmp_path / "data" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        found = find_files(tmp_path / "data" / source, subject=SUBJECT)
        relations = read_files(connection, found, subject=SUBJECT)
        warehouse = Warehouse(tmp_path / "warehouse")
        with each_unchanged(found, relations, subject=SUBJECT) as unchanged:
            warehouse.write(("shop", "raw_orders"), unchanged)
        frame = warehouse.frame(("shop", "raw_orders"))
        return frame.sort_values(["_source_file", "_row"], ignore_index=True)

    return run


def values(frame: pd.DataFrame) -> list[tuple]:
    """The rows without their provenance; None is no value."""
    bare = frame.drop(columns=["_source_file", "_source_sha256", "_row"]).astype(object)
    return list(bare.where(bare.notna(), None).itertuples(index=False, name=None))


def parquet(tmp_path: Path, frame: pd.DataFrame) -> bytes:
    frame.to_parquet(tmp_path / "written")
    return (tmp_path / "written").read_bytes()


# ---------------------------------------------------------------- which files


def names(source: Path) -> list[str]:
    return [file.name for file in find_files(source, subject=SUBJECT)]


def test_a_source_is_a_file_a_folder_or_a_glob(tmp_path: Path):
    for name in ("b.csv", "a.csv.gz", "C.PARQUET", "deep/d.jsonl", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert names(tmp_path / "b.csv") == ["b.csv"]
    assert names(tmp_path) == ["C.PARQUET", "a.csv.gz", "b.csv"]
    assert names(tmp_path / "*.csv*") == ["a.csv.gz", "b.csv"]
    assert names(tmp_path / "**/*[bd].*[vl]") == ["b.csv", "deep/d.jsonl"]


def test_a_files_name_and_hash_do_not_depend_on_where_the_folder_lies(tmp_path: Path):
    found = []
    for place in ("here", "there/deep"):
        for month in ("01", "02"):
            folder = tmp_path / place / month
            folder.mkdir(parents=True)
            (folder / "orders.csv").write_text(f"a\n{month}\n")
        found.append(find_files(tmp_path / place / "*" / "*.csv", subject=SUBJECT))
    assert [file.name for file in found[0]] == ["01/orders.csv", "02/orders.csv"]
    assert [(file.name, file.sha256) for file in found[0]] == [(file.name, file.sha256) for file in found[1]]
    assert found[0][0].sha256 == sha256(b"a\n01\n").hexdigest()


def listed(source: Path, *, deep: bool = False) -> list[str]:
    return [file.name for file in list_files(source, deep=deep)]


def test_a_listing_opens_nothing_and_tells_size_and_time(tmp_path: Path):
    for name in ("b.csv", "deep/er/a.csv", "deep/notes.txt", ".hidden/c.csv", "folder.csv/d.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "broken.csv").symlink_to(tmp_path / "nowhere")
    assert listed(tmp_path) == ["b.csv"]
    assert listed(tmp_path, deep=True) == ["b.csv", "deep/er/a.csv", "folder.csv/d.csv"]
    assert listed(tmp_path / "**" / "*", deep=True) == [
        "b.csv",
        "deep/er/a.csv",
        "deep/notes.txt",
        "folder.csv/d.csv",
    ]
    assert listed(tmp_path / "deep" / "*" / "*.csv") == ["er/a.csv"]
    assert listed(tmp_path / "b.csv") == ["b.csv"]
    assert listed(tmp_path / "nowhere") == []
    [file] = list_files(tmp_path / "b.csv")
    assert (file.size, file.mtime_ns) == (5, (tmp_path / "b.csv").stat().st_mtime_ns)


def test_a_folder_that_links_to_itself_is_listed_once(tmp_path: Path):
    (tmp_path / "a.csv").write_text("a")
    (tmp_path / "again").symlink_to(tmp_path)
    assert listed(tmp_path, deep=True) == ["a.csv"]


def test_relative_sources_are_listed_as_absolute_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "data" / "x").mkdir(parents=True)
    (tmp_path / "data" / "x" / "a.csv").write_text("a")
    monkeypatch.chdir(tmp_path)
    for source in ("data/x", "data/x/*.csv", "./data/x/a.csv"):
        assert [file.name for file in list_files(Path(source))] == ["a.csv"]
    assert listed(Path("*/x/*.csv")) == ["data/x/a.csv"]
    monkeypatch.chdir(tmp_path / "data" / "x")
    assert [listed(Path(source)) for source in (".", "*.csv", "a.csv")] == [["a.csv"]] * 3


@pytest.mark.parametrize("source", ["orders.csv", "*.csv", ".", "nowhere/"])
def test_no_file_is_an_error_that_says_where(tmp_path: Path, source: str):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(
        DataError, match=rf"shop: table orders: no file at {tmp_path}.*\n  hint: put one there"
    ):
        find_files(tmp_path / source, subject=SUBJECT)


@pytest.mark.parametrize("source", ["orders.xlsx", "orders.*"])
def test_an_unknown_format_is_refused_by_name(tmp_path: Path, source: str):
    (tmp_path / "orders.xlsx").write_text("x")
    with pytest.raises(DataError, match=r"orders\.xlsx has a format that is not known by its name"):
        find_files(tmp_path / source, subject=SUBJECT)


# ---------------------------------------------------------------- their rows


CSV = b"number,name\n1,x\n2.50,\n"
JSONL = b'{"number": 1, "name": "x"}\n{"number": 2.5}\n'


@pytest.mark.parametrize(
    ("name", "content", "rows"),
    [
        ("a.csv", CSV, [("1", "x"), ("2.50", None)]),
        ("a.csv.gz", gzip.compress(CSV, mtime=0), [("1", "x"), ("2.50", None)]),
        ("a.jsonl", JSONL, [(1.0, "x"), (2.5, None)]),
        ("a.ndjson.gz", gzip.compress(JSONL, mtime=0), [(1.0, "x"), (2.5, None)]),
    ],
)
def test_every_format_is_read_and_csv_stays_text(read: Read, name: str, content: bytes, rows: list[tuple]):
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
def test_spellings_of_the_same_csv_file(read: Read, content: bytes):
    frame = read(**{"a.csv": content})
    assert list(frame.columns)[:2] == ["a", "b"]
    assert values(frame) == [("1", "2")]


def test_quoted_fields_may_hold_anything(read: Read):
    frame = read(**{"a.csv": 'a,"b ""x"""\n"line\nbreak","1,5"\n"""é""",#2\n'.encode()})
    assert list(frame.columns)[:2] == ["a", 'b "x"']
    assert values(frame) == [("line\nbreak", "1,5"), ('"é"', "#2")]
    assert frame["_row"].tolist() == [1, 2]


def test_rows_are_numbered_in_the_order_of_a_long_file(read: Read):
    frame = read(**{"a.csv": b"a\n" + b"".join(b"%d\n" % number for number in range(1, 150_001))})
    assert (frame["a"].astype(int) == frame["_row"]).all()
    assert len(frame) == 150_000


def test_files_with_different_columns_make_one_table(read: Read):
    frame = read(**{"a.csv": b"a\n1\n", "b.csv": b"b,a\nx,2\n", "c.jsonl": b'{"c": true, "a": 7}\n'})
    assert list(frame.columns)[:3] == ["a", "b", "c"]
    assert values(frame) == [("1", None, None), ("2", "x", None), ("7", None, True)]
    assert frame["_source_file"].tolist() == ["a.csv", "b.csv", "c.jsonl"]
    assert frame["_row"].tolist() == [1, 1, 1]


def test_the_first_files_types_do_not_change_later_values(read: Read, tmp_path: Path):
    frame = read(**{"a.jsonl": b'{"a": 1, "b": 1}\n', "b.jsonl": b'{"a": 3.5, "b": "x"}\n'})
    assert values(frame) == [(1.0, "1"), (3.5, "x")]


def test_a_header_without_rows_is_an_empty_table(read: Read):
    frame = read(**{"a.csv": b"a,b\n"})
    assert values(frame) == []
    assert list(frame.columns)[:2] == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", b"", "a.csv has no header"),
        ("a.csv", b"\n1,2\n", "a.csv has no header"),
        ("a.csv.gz", gzip.compress(b"", mtime=0), "a.csv.gz has no header"),
        ("a.jsonl", b"", "a.jsonl has no rows"),
        ("a.parquet", b"", "a.parquet is empty, and so no Parquet file"),
        ("a.csv.gz", b"a,b\n", "a.csv.gz can't be unpacked: Not a gzipped file"),
        ("a.csv", b"a,A\n1,2\n", "a.csv: column a stands more than once"),
        ("a.csv", b"a,,c\n1,2,3\n", "a.csv: column 2 has no name"),
        ("a.csv", b"a,_ROW\n1,2\n", "a.csv: column _row is a reserved name"),
        ("a.csv", b"a,_broken_rules\n1,2\n", "a.csv: column _broken_rules is a reserved name"),
        ("a.jsonl", b'{"_source_file": 1}\n', "a.jsonl: column _source_file is a reserved name"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(read: Read, name: str, content: bytes, told: str):
    with pytest.raises(DataError, match=f"shop: table orders: .*{told}"):
        read(**{name: content})


def test_columns_of_several_files_may_not_differ_in_case_only(read: Read):
    with pytest.raises(DataError, match="column a stands more than once"):
        read(**{"a.csv": b"a\n1\n", "b.csv": b"A\n1\n"})
