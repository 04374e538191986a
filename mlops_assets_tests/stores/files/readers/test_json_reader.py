"""JSON lines as text: every value as it is spelled, whatever the other values of its column are."""

import gzip
import json

import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.stores.files.csv_dialect import Dialect
from mlops_assets.stores.files.readers import json_reader
from mlops_assets.stores.files.readers.read_errors import read_error
from mlops_assets.stores.files.source_file import SourceFile
from mlops_assets_tests.support.file_table import FileTable


def lines(*objects: str) -> bytes:
    return "".join(f"{text}\n" for text in objects).encode()


def test_text_stays_text_that_looks_like_an_identifier_a_date_or_a_time(table: FileTable):
    upper = "0C5E7A3D-8B7E-4E1B-9F0A-5B8C1D2E3F40"
    values = [upper, "03-04-2025", "10-12-24", "08:30", "007", "1e5", "true", "NaN", "", " x ", "2025-01-01"]
    rows = table.replace("a.jsonl", lines(*(json.dumps({"a": value}) for value in values)))
    assert rows == [(value,) for value in values]


@pytest.mark.parametrize(
    "number",
    [
        "123456789012345678901234567890",
        "-9223372036854775809",
        "18446744073709551615",
        "9007199254740993.0",
        "9007199254740993",
        "1.50",
        "0.10",
        "1e5",
        "1E400",
        "-0",
        "-0.0",
        "0.1234567890123456789",
        "5",
    ],
)
def test_a_number_is_as_it_is_spelled_at_the_top_and_inside_of_a_value(table: FileTable, number: str):
    nested = f'{{"k":[{number},"{number}, \\"{number}",null]}}'
    rows = table.replace("a.jsonl", lines(f'{{"a": {number}, "b": {nested}, "c": "x{number}"}}'))
    assert rows == [(number, nested, f"x{number}")]


def test_a_number_beside_text_adds_no_quotes(table: FileTable):
    assert table.replace("a.jsonl", lines('{"a": "A1"}', '{"a": 7}', '{"a": "B\\"2"}')) == [
        ("A1",),
        ("7",),
        ('B"2',),
    ]


def test_booleans_nulls_and_missing_keys(table: FileTable):
    rows = table.replace(
        "a.jsonl", lines('{"a": true, "b": false}', '{"a": null, "b": "null"}', "{}", '{"b": 0}')
    )
    assert rows == [("true", "false"), (None, "null"), (None, None), (None, "0")]


def test_nested_values_keep_their_json(table: FileTable):
    nested = '{"when":"03-04-2025","list":[1.50,true,null,{"é":"\\\\ \\"1.50\\""}],"empty":{}}'
    spaced = nested.replace(",", " , ")
    rows = table.replace(
        "a.jsonl", lines(f'{{"a": {nested}}}', f'{{"a": {spaced}}}', '{"a": []}', '{"a": "[1.50]"}')
    )
    assert rows == [(nested,), (nested,), ("[]",), ("[1.50]",)]


def test_a_key_of_a_late_row_is_a_column(table: FileTable):
    early = [json.dumps({"id": number}) for number in range(30_000)]
    rows = table.replace("a.jsonl", lines(*early, '{"id": 30000, "coupon": 1.50}'))
    assert rows[-1] == ("30000", "1.50")
    assert rows[0] == ("0", None)
    assert [row[0] for row in rows] == [str(number) for number in range(30_001)]


@pytest.mark.parametrize("key", ["a b", 'a"b', "a.b", "a/b~c", "$", "*", "0", "é", "a'b", "select", "a\\b"])
def test_every_name_is_a_column(table: FileTable, key: str):
    assert table.replace("a.jsonl", lines(json.dumps({key: 1.5, "z": 2}))) == [("1.5", "2")]
    with table.warehouse.connect() as connection:
        assert table.warehouse.relation(connection, ("shop", "raw_orders")).columns[:2] == [key, "z"]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (
            ['{"id": 1}', '{"ID": 2}'],
            "a.jsonl: duplicate column id (names are not case-sensitive): the key is 'id' in row 1 and 'ID' "
            "in row 2\n  hint: rename one of the keys",
        ),
        (['{"x": 1}', '{"id": 1, "Id": 2}'], "the key is 'id' in row 2 and 'Id' in row 2"),
        (['{"id": 1}', '{"id": 2, "id": 3}'], "a.jsonl: row 2 has the key 'id' twice"),
        (['{"id": 1}', "[1]"], "a.jsonl, line 2 is JSON, but not an object: '[1]'"),
        (['{"id": 1}', "null"], "a.jsonl, line 2 is JSON, but not an object: 'null'"),
        (['{"id": 1}', '{"id": "x}'], "a.jsonl, line 2 is not valid JSON at character 11"),
        (["{}", "{}"], "a.jsonl has no keys"),
        (['{"": 1}'], "a.jsonl: column 1 has no name"),
    ],
)
def test_ambiguous_and_invalid_lines_are_reported(error_of, rows: list[str], expected: str):
    assert expected in error_of("a.jsonl", lines(*rows))


def test_a_mark_of_numbers_is_not_left_in_a_text(table: FileTable, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(json_reader, "token_hex", lambda _: "mark")
    assert table.replace("a.jsonl", lines('{"a": 1.50, "b": [[1.50], 2], "c": "1.50"}')) == [
        ("1.50", "[[1.50],2]", "1.50")
    ]


def test_text_in_a_declared_number_format_is_read_and_a_decimal_point_is_an_error(table: FileTable):
    comma = Dialect(decimal=",", thousands=".")
    assert table.replace("a.jsonl", lines('{"a": "1.234,5", "id": 1234}'), comma) == [("1.234,5", "1234")]
    with pytest.raises(
        DataError,
        match=r"column a has numbers with a decimal point in .*a\.jsonl, and the table declares another",
    ):
        table.replace("a.jsonl", lines('{"id": 1, "a": "1,5"}', '{"id": 2, "a": 1.234}'), comma)


def test_compressed_lines_are_read_in_order(table: FileTable):
    content = lines(*(json.dumps({"n": float(number)}) for number in range(50_000)))
    rows = table.replace("a.ndjson.gz", gzip.compress(content, mtime=0))
    assert rows == [(f"{number}.0",) for number in range(50_000)]


def test_a_json_file_is_an_array_of_objects_or_lines_of_them(table: FileTable):
    array = b'[\n  {"a": 1.50, "b": {"c": [1, 2.0]}},\n  {"a": 9007199254740993}\n]\n'
    assert table.replace("a.json", array) == [("1.50", '{"c":[1,2.0]}'), ("9007199254740993", None)]
    assert table.replace("a.json", lines('{"a": 1}', '{"a": 2}')) == [("1",), ("2",)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'[{"id": 1},\n', "is truncated: the array has no end"),
        (b'[{"id": [1]\n', "is not valid JSON at line 2, character 1: Expecting ',' delimiter"),
        (b'[{"id": 1}, 2]', "has an element 2 that is not an object: 2"),
        (b'{"id": 1}\n{"id": \n', "line 2 is not valid JSON at character 9: '{\"id\":'"),
    ],
)
def test_a_bad_json_file_is_reported(error_of, content, message):
    assert message in error_of("bad.json", content)


def test_errors_quote_no_lines_of_tables_with_sensitive_columns(tmp_path):
    for name, text in {"a.jsonl": '{"a": "ann"', "b.jsonl": '["ann"]', "c.json": '[{"a": 1}, "ann"]'}.items():
        path = tmp_path / name
        path.write_text(f"{text}\n", "utf-8")
        for quotes in (True, False):
            file = SourceFile(path, name, "jsonl", "", Dialect(quotes_values=quotes))
            error = str(read_error(file, "shop: table clients", ValueError("at 'ann'")))
            assert ("ann" in error) is quotes
