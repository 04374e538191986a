"""JSON bodies: what is read, and the error of what is not."""

import math

import pytest

from mlops_assets.serving.http.bodies.json_body import parse_json, rows_of_json
from mlops_assets.serving.http.errors import RequestError


@pytest.mark.parametrize(
    ("body", "records"),
    [
        (b'{"rows": [{"a": 1, "b": null}, {"a": 2.5}]}', [{"a": 1, "b": None}, {"a": 2.5}]),
        (b'{"columns": {"a": [1, 2], "b": ["x", null]}}', [{"a": 1, "b": "x"}, {"a": 2, "b": None}]),
        (b'{"rows": [{"a": 1, "a": 2}]}', [{"a": 2}]),
        (b'{"rows": [{}, {"a": NaN}]}', [{}, {"a": None}]),
        (b'{"columns": {}}', []),
        (b'{"rows": []}', []),
    ],
)
def test_rows_and_columns_are_read_as_records(body: bytes, records: list):
    rows = rows_of_json(body)
    assert (rows.count, rows.records()) == (len(records), records)
    assert rows.fields == {name for record in records for name in record}


def test_numbers_keep_their_value():
    assert parse_json(b"[18446744073709551615, 0.1, 5e-324]") == [2**64 - 1, 0.1, 5e-324]
    assert math.copysign(1, parse_json(b"-0.0")) == -1
    assert parse_json(b"[1e400, -1e400, 2]") == [math.inf, -math.inf, 2]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"{'rows': []}", "not valid JSON"),
        (b'{"rows": [{"a": "\\ud800"}]}', "not valid JSON"),
        (b'{"rows": [{"a": "\\ud800", "b": NaN}]}', "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"a": NaN, "b": ' + b"[" * 100_000, "not valid JSON"),
        (b'{"a": NaN, "b": ' + b"1" * 5_000 + b"}", "not valid JSON"),
        (b"[]", "the body is an array, not an object"),
        (b"null", "the body is null, not an object"),
        (b"{}", "the body has no member, not either rows or columns"),
        (b'{"rows": [], "columns": {}}', "'rows', 'columns', not either"),
        (b'{"row": []}', "'row', not either"),
        (b'{"rows": {"a": 1}}', "rows is an object, not an array of objects"),
        (b'{"rows": [{}, 7]}', "row 1 is a number, not an object"),
        (b'{"columns": [1]}', "columns is an array, not an object of arrays"),
        (b'{"columns": {"a": "x"}}', "column 'a' is a text, not an array"),
        (b'{"columns": {"a": [1, 2], "b": [1]}}', "column 'b' has 1 values, 'a' 2"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_another_structure_is_one_error(body: bytes, problem: str):
    with pytest.raises(RequestError) as caught:
        rows_of_json(body)
    assert problem in caught.value.message
    assert caught.value.status == 400
    assert caught.value.hint
