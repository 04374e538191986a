"""CSV bodies: the rows that the same bytes have in a file."""

import pytest

from mlops_assets.serving.http.bodies.csv_body import rows_of_csv
from mlops_assets.serving.http.errors import RequestError
from mlops_assets.stores.files.csv_dialect import DEFAULT_DIALECT, Dialect
from mlops_assets_tests.support.file_table import FileTable

SEMICOLONS = Dialect(delimiter=";", encoding="latin-1", nulls=("NA", "-"), skip_lines=1, decimal=",")
BODIES = [
    (b"a,b\n1,2\n3,\n", DEFAULT_DIALECT),
    (b"a,b\r\n1,2\r\n\r\n3,4", DEFAULT_DIALECT),
    (b'a, b \n"x,""y""", z\n"",\n', DEFAULT_DIALECT),
    (b'a,b\n"two\nlines",2\n', DEFAULT_DIALECT),
    ("a,b\né,NA\n".encode("utf-8-sig"), DEFAULT_DIALECT),
    ("a,b\né,\U0001f600\n".encode("utf-16"), DEFAULT_DIALECT),
    (b"a\n1\n\n2\n", DEFAULT_DIALECT),
    ("comment\na;b\né;NA\n-;1,5\n".encode("latin-1"), SEMICOLONS),
]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> FileTable:
    return FileTable(tmp_path_factory.mktemp("csv"))


@pytest.mark.parametrize(("body", "dialect"), BODIES, ids=lambda value: str(value)[:30])
def test_a_body_has_the_rows_of_a_file(table: FileTable, body: bytes, dialect: Dialect):
    found = rows_of_csv(body, dialect)
    assert [tuple(record.values()) for record in found.records()] == table.replace("rows.csv", body, dialect)


def test_the_encoding_of_the_request_replaces_that_of_the_table():
    assert rows_of_csv("a\né\n".encode("cp1252"), DEFAULT_DIALECT, "windows-1252").records() == [{"a": "é"}]


@pytest.mark.parametrize(
    ("body", "charset", "problem"),
    [
        (b"", None, "the body has no header"),
        (b"\n1,2\n", None, "the body has no header"),
        (b"a,a\n1,2\n", None, "the header has the column 'a' twice"),
        (b"a,b\n1\n", None, "row 0 of the body has 1 field, the header 2"),
        (b"a,b\n1,2\n1,2,3\n", None, "row 1 of the body has 3 fields, the header 2"),
        (b'a,b\n"x"y,2\n', None, "line 2 of the body is not valid CSV"),
        (b'a,b\n"x,2\n', None, "not valid CSV"),
        (b"a\n\xe9\n", None, "the body is not text in utf-8"),
        (b"a\n1\n", "no-such-encoding", "the body is not text in no-such-encoding"),
        (b"a\n1\n", "base64", "the body is not text in base64"),
    ],
)
def test_a_damaged_body_is_one_error(body: bytes, charset: str | None, problem: str):
    with pytest.raises(RequestError, match=problem):
        rows_of_csv(body, DEFAULT_DIALECT, charset)
