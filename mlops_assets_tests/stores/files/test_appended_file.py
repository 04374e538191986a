"""The part of a CSV file that was appended since it was read."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from mlops_assets.core.digests import file_digest
from mlops_assets.core.names import SOURCE_SHA256
from mlops_assets.stores.delta.kept_content import AllRowsNeededError
from mlops_assets.stores.files.appended_file import EarlierFile, appended_part
from mlops_assets.stores.files.csv_dialect import DEFAULT_DIALECT, Dialect
from mlops_assets.stores.files.listing import find_files
from mlops_assets.stores.files.reader import read_files
from mlops_assets.stores.files.source_file import SourceFile


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def read(path: Path, dialect: Dialect = DEFAULT_DIALECT) -> SourceFile:
    [file] = find_files(path, dialect=dialect, subject="s")
    return file


def grown(path: Path, before: bytes, after: bytes, dialect: Dialect = DEFAULT_DIALECT) -> SourceFile:
    """The appended part of a file, whose content was `before` and is `after` now."""
    path.write_bytes(before)
    earlier = EarlierFile(path.name, file_digest(path), len(before), 1)
    path.write_bytes(after)
    return appended_part(read(path, dialect), earlier, path.with_suffix(".part"))


@pytest.mark.parametrize(
    ("before", "more", "dialect"),
    [
        (b"a,b\n1,x\n", b"2,y\n3,z", {}),
        (b"a,b\r\n1,x\r\n", b'2,"y\r\nz"\r\n', {}),
        (b"a,b\n1,x", b"\n2,y\n", {}),
        (b"a,b\r\n1,x", b"\r\n2,y\r\n", {}),
        (b"\xef\xbb\xbfa,b\n1,x\n", b"2,\xc3\xa9\n", {}),
        (b'"a\n1",b\n1,"x\n"\n', b'2,"y\n\n"\n\n3,z\n', {}),
        (b"of 2026\n# rows\na;b\n1;x\n", b"2;NA\n", {"skip_lines": 2, "delimiter": ";", "nulls": ("NA",)}),
        (b"a,b\n", b"1,x\n2,y\n", {}),
        (b"a\n\n1\n", b"2\n\n3\n", {}),
    ],
)
def test_the_rows_of_the_part_are_the_last_ones_of_the_file(
    connection, tmp_path: Path, before, more, dialect
):
    path = tmp_path / "rows.csv"
    part = grown(path, before, before + more, Dialect(**dialect))
    whole = read(path, Dialect(**dialect))
    [all_rows], [new] = (read_files(connection, [file], subject="s") for file in (whole, part))
    path.with_suffix(".before").write_bytes(before)
    [old] = read_files(
        connection, [replace(whole, path=path.with_suffix(".before"), stamp=None)], subject="s"
    )
    bare = [rows.project("* exclude (_row)").fetchall() for rows in (old, new, all_rows)]
    assert bare[0] + bare[1] == bare[2]
    assert new.project(f"{SOURCE_SHA256}, _source_file").distinct().fetchall() == [
        (file_digest(path), "rows.csv")
    ]


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (b"a,b\n1,x\n", b"a,b\n1,y\n2,z\n", "was changed in its earlier part"),
        (b"a,b\n1,x\n2,y\n", b"a,b\n1,x\n", "is shorter than before"),
        (b"a,b\n1,x", b"a,b\n1,xy\n2,y\n", "the last line of rows.csv was continued"),
        (b"a,b\r1,x\r", b"a,b\r1,x\r2,y\r", "has another line end than LF or CR LF"),
        (b"a\n1\n", b"a\n1\n\n2\n", "begin with an empty one"),
        (b"a\n1\n", b"a\n1\n", "has not changed"),
        ("a\n1\n".encode("utf-16"), "a\n1\n2\n".encode("utf-16"), "no uncompressed CSV file in UTF-8"),
    ],
)
def test_a_file_that_is_not_a_longer_form_of_the_earlier_one_is_read_again(
    tmp_path: Path, before, after, reason
):
    with pytest.raises(AllRowsNeededError, match=reason):
        grown(tmp_path / "rows.csv", before, after)


def test_another_file_and_other_formats_are_read_again(tmp_path: Path):
    (tmp_path / "b.csv").write_bytes(b"a\n1\n2\n")
    (tmp_path / "rows.jsonl").write_bytes(b'{"a": 1}\n')
    earlier = EarlierFile("a.csv", "", 4, 1)
    with pytest.raises(AllRowsNeededError, match=r"the last run read a\.csv"):
        appended_part(read(tmp_path / "b.csv"), earlier, tmp_path / "part")
    with pytest.raises(AllRowsNeededError, match="no uncompressed CSV file"):
        appended_part(read(tmp_path / "rows.jsonl"), earlier, tmp_path / "part")
