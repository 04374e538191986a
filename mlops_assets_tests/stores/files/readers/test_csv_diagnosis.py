"""Errors of CSV files name the row, the line, the field and the value, and leave the table unchanged."""

import pytest

from mlops_assets.stores.files.csv_dialect import Dialect
from mlops_assets.stores.files.readers.csv_diagnosis import csv_error, first_undecodable
from mlops_assets.stores.files.source_file import SourceFile


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            b"id,name\n1,x\n\n2\n3,z\n",
            "a.csv, row 2 (line 4) has 1 field, the header 2: '2'; no value for name after 'id'\n"
            "  hint: correct the row. Quote a field that contains ','. The table was not changed.",
        ),
        (
            b'id,name\n1,"x\ny"\n2,a,b\n',
            "a.csv, row 2 (line 4) has 3 fields, the header 2: '2,a,b'; after 'name' there is 'b'",
        ),
        (b"id,name\n1,x\n2", "it is the last row and has no line end, so the file seems to be incomplete"),
        (
            b'id,name\n1,x\n2,"y\n3,z\n',
            "a.csv, row 2 (line 3): an opening quote is not closed up to line 4",
        ),
        (
            b'id,name\n1,x\n2,"y"z\n3,z\n',
            "a.csv, row 2 (line 3): text follows a closing quote in line 3: '2,\"y\"z'",
        ),
        (b'"id,name\n1,x\n', "a.csv, the header (line 1): an opening quote is not closed"),
        (
            "id,name\n1,x\n2,café\n".encode("cp1252"),
            "a.csv, row 2 (line 3), name: byte 17 (line 3) is 0xe9, which is not valid utf-8; decoded as "
            "cp1252 the text is 'é'\n  hint: if that is correct, declare csv.encoding: cp1252 for the table",
        ),
        (
            "ïd,name\n1,x\n".encode("latin-1"),
            "a.csv, the header (line 1): byte 0 (line 1) is 0xef",
        ),
        (b"id,name\n1,\x81\xe9\n", "decoded as latin-1 the text is '\\x81é'"),
        (
            b"id,name\r\n1,x\n2,y\r\n",
            "a.csv: line 2 ends with LF, the lines before it with CR LF\n"
            "  hint: use the same line ends in the whole file",
        ),
    ],
)
def test_an_error_names_row_line_field_and_value(error_of, content: bytes, expected: str):
    assert expected in error_of("a.csv", content)


@pytest.mark.parametrize("start", [b"", b"id,name\n1,x\n2,", b'id,name\n1,x\n2,"'])
def test_a_line_without_end_is_reported_with_the_limit_and_without_its_text(error_of, start: bytes):
    number = start.count(b"\n") + 1
    expected = f"a.csv: line {number} is longer than the maximum of 2,000,000 bytes\n"
    assert expected in error_of("a.csv", start + b"x" * 2_100_000 + b"\n5,6\n")


def test_a_wrong_declared_encoding_is_reported_with_the_right_one(error_of):
    content = "id,name\n1,žluťoučký\n".encode()
    message = error_of("a.csv", content, encoding="ascii")
    assert "a.csv, row 1 (line 2), name: byte 10 (line 2) is 0xc5, which is not valid ascii" in message
    assert "declare csv.encoding: utf-8" in message


def test_a_valid_file_has_no_error(tmp_path):
    (tmp_path / "a.csv").write_bytes(b'id,name\r\n1,"x\r\ny"\r\n')
    assert csv_error(SourceFile(tmp_path / "a.csv", "a.csv", "csv", "0" * 64), "shop: table orders") is None


def test_the_first_undecodable_byte_has_its_offset_and_line_across_chunks(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("é\n".encode() * 400_000 + b"\xff\nz")
    assert first_undecodable(path, "utf-8") == (1_200_000, 400_001, b"\xff")
    assert first_undecodable(path, "latin-1") is None


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"id,name\n1,x\n2,ann,bob\n", "row 2 (line 3) has 3 fields, the header 2\n"),
        (b"id,name\n1,x\n2\n", "row 2 (line 3) has 1 field, the header 2\n"),
        (b'id,name\n2,"ann"bob\n', "row 1 (line 2): text follows a closing quote in line 2\n"),
        (b"id,name\n1,ann\xe9bob\n", "is 0xe9, which is not valid utf-8\n  hint: if cp1252 is correct"),
    ],
)
def test_errors_quote_no_rows_of_tables_with_sensitive_columns(tmp_path, content, expected):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    file = SourceFile(path, "a.csv", "csv", "", Dialect(quotes_values=False))
    error = str(csv_error(file, "shop: table clients"))
    assert expected in error
    assert not {"ann", "bob"} & set(error.replace("'", " ").split())
