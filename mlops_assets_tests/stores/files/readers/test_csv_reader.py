"""CSV files: headers, and the same rows for every declared dialect and encoding."""

import gzip
from io import StringIO
from typing import Any

import pytest

from mlops_assets.stores.files.csv_dialect import Dialect
from mlops_assets.stores.files.readers.csv_reader import (
    LINE_LIMIT,
    LineTooLongError,
    bounded_lines,
    encoding_of,
)
from mlops_assets_tests.support.file_table import FileTable

TEXT = "id,name\n1,x\n2,y\n"
ROWS = [("1", "x"), ("2", "y")]


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
def test_a_declared_dialect_gives_the_same_rows(table: FileTable, content: bytes, dialect: dict[str, Any]):
    assert table.replace("a.csv", content, Dialect(**dialect)) == ROWS
    assert table.replace("a.csv.gz", gzip.compress(content), Dialect(**dialect)) == ROWS


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("cp1252", "50 €"), ("cp1251", "цена"), ("shift_jis", "価格"), ("latin-1", "café")],
)
def test_texts_of_every_encoding_are_read_as_they_were_written(table: FileTable, encoding: str, text: str):
    content = f"id,name\n1,{text}\n".encode(encoding)
    assert table.replace("a.csv", content, Dialect(encoding=encoding)) == [("1", text)]


def test_declared_nulls_are_null_and_other_texts_are_not(table: FileTable):
    content = b'id,name\n1,NA\n-,\nNaN,"NA"\n'
    found = table.replace("a.csv", content, Dialect(nulls=("NA", "-")))
    assert found == [("1", None), (None, None), ("NaN", None)]
    assert table.replace("a.csv", content) == [("1", "NA"), ("-", None), ("NaN", "NA")]


def test_without_a_quote_character_quotes_are_part_of_the_text(table: FileTable):
    assert table.replace("a.csv", b'id,name\n1,5"\n', Dialect(quote="")) == [("1", '5"')]


def test_a_quoted_column_name_may_contain_another_delimiter(table: FileTable):
    assert table.replace("a.csv", b'"a;b"\n1\n') == [("1",)]


@pytest.mark.parametrize(
    ("content", "dialect", "expected"),
    [
        (
            b"",
            {},
            "a.csv has no header: the file is empty\n  hint: write the column names into",
        ),
        (b"\n1,2\n", {}, "a.csv has no header: the header line is empty"),
        (b"made by X\n", {"skip_lines": 1}, "a.csv has no header: the header line is empty"),
        (b"made by X\n", {"skip_lines": 2}, "a.csv has no header: its first line is empty"),
        (
            TEXT.encode("utf-16-le"),
            {},
            "the header contains zero bytes, which suggests UTF-16 without a byte order mark\n"
            "  hint: declare csv.encoding: utf-16-le for the table",
        ),
        (
            b"id;name\n1;x\n",
            {},
            "the header is a single field, 'id;name'; is the delimiter ';'?\n"
            '  hint: declare csv.delimiter: ";"',
        ),
        (b"id\tname\n1\tx\n", {}, 'hint: declare csv.delimiter: "\\t" for the table'),
    ],
)
def test_a_header_that_does_not_match_the_dialect_is_an_error(
    error_of, content: bytes, dialect: dict[str, Any], expected: str
):
    assert expected in error_of("a.csv", content, **dialect)


def test_the_byte_order_mark_takes_precedence_over_the_declared_encoding(tmp_path):
    (tmp_path / "a.csv").write_bytes(TEXT.encode("utf-16"))
    (tmp_path / "b.csv").write_bytes(TEXT.encode())
    declared = Dialect(encoding="cp1252")
    assert encoding_of(tmp_path / "a.csv", declared) == "utf-16"
    assert encoding_of(tmp_path / "b.csv", declared) == "cp1252"


@pytest.mark.parametrize(("letter", "length"), [("x", LINE_LIMIT + 1), ("€", LINE_LIMIT // 3 + 1)])
def test_a_line_is_limited_in_bytes(letter: str, length: int):
    assert list(bounded_lines(StringIO(f"a\n{letter * (length - 1)}"))) == ["a\n", letter * (length - 1)]
    with pytest.raises(LineTooLongError):
        list(bounded_lines(StringIO(f"a\n{letter * length}")))
