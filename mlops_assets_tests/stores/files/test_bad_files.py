"""Files that can't be read, or are written otherwise than declared: told in words, and nothing is lost."""

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.stores.files.csv_dialect import USUAL, Dialect
from mlops_assets.stores.files.listing import find_files
from mlops_assets.stores.files.reader import each_unchanged, read_files, refuse_empty
from mlops_assets.stores.files.source_file import SourceFile
from mlops_assets.stores.warehouse.warehouse import Warehouse

SUBJECT = "shop: table orders"
TABLE = ("shop", "raw_orders")


class Desk:
    """A folder of files that are brought into a table, which holds one sound row before."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.warehouse = folder / "data", Warehouse(folder / "warehouse")
        self.folder.mkdir()

    def bring(self, name: str, content: bytes, dialect: Dialect = USUAL) -> list[tuple]:
        """Replace what there is by one file, and read the table."""
        for file in self.folder.iterdir():
            file.unlink()
        (self.folder / name).write_bytes(content)
        return self.read(dialect=dialect)

    def read(self, source: str = ".", dialect: Dialect = USUAL) -> list[tuple]:
        with duckdb.connect() as connection:
            self.write(connection, find_files(self.folder / source, dialect=dialect, subject=SUBJECT))
        return self.rows()

    def write(self, connection: duckdb.DuckDBPyConnection, files: list[SourceFile]) -> None:
        relations = read_files(connection, files, subject=SUBJECT)
        refuse_empty(files, relations, subject=SUBJECT)
        with each_unchanged(files, relations, subject=SUBJECT) as unchanged:
            self.warehouse.write(TABLE, unchanged)

    def rows(self) -> list[tuple]:
        frame = self.warehouse.frame(TABLE).sort_values("_row")
        bare = frame.drop(columns=["_source_file", "_source_sha256", "_row"]).astype(object)
        return list(bare.where(bare.notna(), None).itertuples(index=False, name=None))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


SOUND = [("1", "x"), ("2", "y")]
TEXT = "id,name\n1,x\n2,y\n"


@pytest.fixture
def told(desk: Desk, record_property) -> Callable[..., str]:
    """What a bad file is told; the table keeps what it had, and the mended file goes through."""

    def run(name: str, content: bytes, **dialect: Any) -> str:
        sound = [("0", "before")]
        assert desk.bring("sound.csv", b"id,name\n0,before\n") == sound
        version = desk.warehouse.version(TABLE)
        with pytest.raises(DataError) as raised:
            desk.bring(name, content, Dialect(**dialect))
        assert desk.rows() == sound
        assert desk.warehouse.version(TABLE) == version
        assert desk.bring("mended.csv", TEXT.encode()) == SOUND
        message = str(raised.value)
        assert message.startswith(f"{SUBJECT}: {desk.folder / name}")
        assert "hint: " in message
        assert max(map(len, message.splitlines())) < 500
        record_property("told", message)
        return message.removeprefix(f"{SUBJECT}: {desk.folder}/")

    return run


def parquet(tmp_path: Path) -> bytes:
    pd.DataFrame({"id": range(1000)}).to_parquet(tmp_path / "whole.parquet")
    return (tmp_path / "whole.parquet").read_bytes()


LONG = b"id,name\n" + b"".join(b"%d,%d\n" % (number, number * 7919 % 10007) for number in range(9_000))
PACKED = gzip.compress(LONG, mtime=0)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", b"", "a.csv has no header: it is empty"),
        ("a.csv", b"id,name\n", "a.csv has columns and no row"),
        ("a.csv", b"id,name,ID\n1,x,2\n", "a.csv: column id stands more than once (case does not matter)"),
        (
            "a.csv",
            b"id,name\n1,x\n\n2\n3,z\n",
            "a.csv, row 2 (line 4) has 1 field, the header 2: '2'; after 'id' there is nothing for name\n"
            "  hint: mend the row; a field that holds ',' is put in quotes",
        ),
        (
            "a.csv",
            b'id,name\n1,"x\ny"\n2,a,b\n',
            "a.csv, row 2 (line 4) has 3 fields, the header 2: '2,a,b'; after 'name' there is 'b'",
        ),
        ("a.csv", b"id,name\n1,x\n2", "it is the last row and has no line end, so the file seems to be half"),
        (
            "a.csv",
            b'id,name\n1,x\n2,"y\n3,z\n',
            "a.csv, row 2 (line 3): a quote is opened and never closed up to line 4",
        ),
        (
            "a.csv",
            b'id,name\n1,x\n2,"y"z\n3,z\n',
            "a.csv, row 2 (line 3): line 3 goes on after a closing quote: '2,\"y\"z'",
        ),
        ("a.csv", b'"id,name\n1,x\n', "a.csv, the header (line 1): a quote is opened and never closed"),
        (
            "a.csv",
            "id,name\n1,x\n2,café\n".encode("cp1252"),
            "a.csv, row 2 (line 3), name: byte 17 (line 3) is 0xe9, which is not utf-8; it decodes as "
            "cp1252: 'é'\n  hint: declare csv.encoding: cp1252 for the table",
        ),
        (
            "a.csv",
            "ïd,name\n1,x\n".encode("latin-1"),
            "a.csv, the header (line 1): byte 0 (line 1) is 0xef",
        ),
        ("a.csv", b"id,name\n1,\x81\xe9\n", "it decodes as latin-1: '\\x81é'"),
        ("a.csv", TEXT.encode("utf-16-le"), "the header has zero bytes, as UTF-16 without a byte order mark"),
        (
            "a.csv",
            b"id;name\n1;x\n",
            "the header is one field, 'id;name'; is the delimiter ';'?\n  hint: declare csv.delimiter: \";\"",
        ),
        ("a.csv", b"id\tname\n1\tx\n", 'hint: declare csv.delimiter: "\\t" for the table'),
        (
            "a.csv",
            b"id,name\r\n1,x\n2,y\r\n",
            "a.csv: line 2 ends with LF, those before it with CR LF\n  hint: write all line ends alike",
        ),
        (
            "a.csv.gz",
            PACKED[: len(PACKED) // 2],
            "a.csv.gz is cut off: the end of the gzip stream is missing",
        ),
        ("a.csv.gz", PACKED[:-1], "a.csv.gz is cut off"),
        ("a.csv.gz", PACKED[:-8] + bytes(8), "a.csv.gz can't be unpacked: CRC check failed"),
        ("a.csv.gz", PACKED[:5000] + bytes(9) + PACKED[5009:], "a.csv.gz can't be unpacked: "),
        (
            "a.jsonl",
            b'{"id": 1}\n{"id": \n{"id": 3}\n',
            "a.jsonl, line 2 is no JSON at character 9: '{\"id\":'",
        ),
        ("a.jsonl", b'{"id": 1}\n{"id": 2', "it has no line end, so the file seems to be half written"),
        ("a.jsonl", b'{"id": 1}\n[1]\n', "a.jsonl, line 2 is JSON, but no object: '[1]'"),
        ("a.jsonl", b'{"id": "\xe9"}\n', "a.jsonl, line 1 is not UTF-8: byte 8 of it is 0xe9"),
        ("a.parquet", LONG, "a.parquet is no Parquet file: it begins with b'id,n'"),
        ("a.parquet", b"", "a.parquet is empty, and so no Parquet file"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_where_it_is(told, name: str, content: bytes, expected: str):
    assert expected in told(name, content)


def test_a_parquet_file_that_is_cut_off_or_damaged_is_told(told, tmp_path: Path):
    whole = parquet(tmp_path)
    assert "a.parquet is cut off: Parquet's end mark is missing" in told(
        "a.parquet", whole[: len(whole) // 2]
    )
    assert "a.parquet is a damaged Parquet file" in told("a.parquet", whole[:4] + whole[1000:])


@pytest.mark.parametrize("start", [b"", b"id,name\n1,x\n2,", b'id,name\n1,x\n2,"'])
def test_a_line_without_end_is_told_with_the_limit_and_not_shown(told, start: bytes):
    number = start.count(b"\n") + 1
    expected = f"a.csv: line {number} is longer than 2,000,000 bytes, the most that a row may have\n"
    assert expected in told("a.csv", start + b"x" * 2_100_000 + b"\n5,6\n")


@pytest.mark.parametrize(
    ("content", "dialect"),
    [
        (b"id;name\n1;x\n2;y\n", {"delimiter": ";"}),
        (b"id\tname\n1\tx\n2\ty\n", {"delimiter": "\t"}),
        (b"made by X\n\nid,name\n1,x\n2,y\n", {"skip_lines": 2}),
        (b"'id','name'\n1,'x'\n2,y\n", {"quote": "'"}),
        (b"\xef\xbb\xbf" + TEXT.encode(), {"encoding": "latin-1"}),
        (TEXT.encode("utf-16"), {}),
        (TEXT.encode("utf-32"), {}),
        (TEXT.encode("utf-16-be"), {"encoding": "utf-16-be"}),
        (TEXT.encode("utf-16"), {"encoding": "cp1252"}),
    ],
)
def test_a_declared_dialect_gives_the_same_rows(desk: Desk, content: bytes, dialect: dict[str, Any]):
    assert desk.bring("a.csv", content, Dialect(**dialect)) == SOUND
    assert desk.bring("a.csv.gz", gzip.compress(content), Dialect(**dialect)) == SOUND


def test_texts_of_every_encoding_come_as_they_were_written(desk: Desk):
    for encoding, text in {
        "cp1252": "50 €",
        "cp1251": "цена",
        "shift_jis": "価格",
        "latin-1": "café",
    }.items():
        content = f"id,name\n1,{text}\n".encode(encoding)
        assert desk.bring("a.csv", content, Dialect(encoding=encoding)) == [("1", text)]


def test_declared_nulls_are_no_values_and_others_are_texts(desk: Desk):
    content = b'id,name\n1,NA\n-,\nNaN,"NA"\n'
    found = desk.bring("a.csv", content, Dialect(nulls=("NA", "-")))
    assert found == [("1", None), (None, None), ("NaN", None)]
    assert desk.bring("a.csv", content) == [("1", "NA"), ("-", None), ("NaN", "NA")]


def test_a_file_without_quotes_has_them_in_its_texts(desk: Desk):
    assert desk.bring("a.csv", b'id,name\n1,5"\n', Dialect(quote="")) == [("1", '5"')]


def test_a_name_in_quotes_may_hold_another_delimiter(desk: Desk):
    assert desk.bring("a.csv", b'"a;b"\n1\n') == [("1",)]


def test_the_wrong_declared_encoding_is_told_with_the_right_one(told):
    content = "id,name\n1,žluťoučký\n".encode()
    message = told("a.csv", content, encoding="ascii")
    assert "a.csv, row 1 (line 2), name: byte 10 (line 2) is 0xc5, which is not ascii" in message
    assert "declare csv.encoding: utf-8" in message


def test_numbers_beside_texts_with_a_declared_decimal_mark_are_refused(desk: Desk, record_property):
    (desk.folder / "a.csv").write_bytes(b"id\n1\n")
    (desk.folder / "b.jsonl").write_bytes(b'{"id": 1.5}\n')
    with pytest.raises(
        DataError, match=r"column id is DOUBLE in .*b\.jsonl, and a text in .*a\.csv"
    ) as raised:
        desk.read(dialect=Dialect(decimal=","))
    record_property("told", str(raised.value))


# ---------------------------------------------------------------- files that change, vanish or are closed


def test_a_file_that_changes_while_it_is_read_is_not_written(desk: Desk, record_property):
    for change in ("same size", "gone"):
        desk.bring("a.csv", b"id,name\n0,before\n")
        version = desk.warehouse.version(TABLE)
        with duckdb.connect() as connection:
            files = find_files(desk.folder, subject=SUBJECT)
            if change == "gone":
                files[0].path.unlink()
            else:
                files[0].path.write_bytes(b"id,name\n0,AFTER!\n")
                times = files[0].stamp.mtime_ns
                os.utime(files[0].path, ns=(times, times))
            with pytest.raises(DataError, match=r"a\.csv (changed|vanished) while it was read\n") as raised:
                desk.write(connection, files)
        assert desk.rows() == [("0", "before")]
        assert desk.warehouse.version(TABLE) == version
        record_property("told", str(raised.value))


CLOSED = """
import os, sys
from pathlib import Path
from mlops_assets.core.errors import DataError
from mlops_assets.stores.sources.watch import Snapshot, look
from mlops_assets.stores.files.listing import find_files
os.setgid(65534), os.setuid(65534)
for source in sys.argv[1:]:
    for see in (find_files, lambda *one, **more: look(Snapshot(), *one, None, None, **more)):
        try:
            see(Path(source), subject="shop: table orders")
        except DataError as error:
            print(error)
"""


def test_what_may_not_be_read_is_told_to_whom(tmp_path: Path, record_property):
    """Root may read everything, so another user asks."""
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    shut, open_ = tmp_path / "shut", tmp_path / "open"
    for folder in (shut, open_):
        folder.mkdir()
        (folder / "a.csv").write_text(TEXT)
    (open_ / "a.csv").chmod(0)
    shut.chmod(0)
    folders = [shut, shut / "*.csv", shut / "a.csv", tmp_path / "*" / "*.csv"]
    sources = [*folders, open_, open_ / "a.csv"]
    done = subprocess.run(
        [sys.executable, "-c", CLOSED, *map(str, sources)], capture_output=True, text=True, check=True
    )
    messages = done.stdout.strip().split("\nshop: ")
    told_of = [source for source in folders for _ in ("a run", "a sensor")] + [open_, open_ / "a.csv"]
    for source, message in zip(told_of, messages, strict=True):
        place = open_ / "a.csv" if source.is_relative_to(open_) else shut
        assert f"table orders: {place}" in message
        assert (
            "can't be read: permission denied\n  hint: let the user with the number 65534 read it" in message
        )
        record_property("told", message)
