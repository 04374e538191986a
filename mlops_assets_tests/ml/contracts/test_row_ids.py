"""Row identity: `row_id` is unique, stable and independent of the order of the rows."""

import hmac
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandera.pandas as pa
import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.ml.contracts.row_ids import (
    key_bits_sql,
    row_bits_sql,
    translated_identity_errors,
    with_row_ids,
)


@pytest.fixture
def identified(connection, raw_rows, tmp_path: Path) -> Callable[..., list[tuple[Any, ...]]]:
    """Rows of two columns, each with its row number, its `row_id` and its key bits."""

    def identify(values: Sequence[Sequence[str | None]], key: Sequence[str] = ("a", "b")) -> list[Any]:
        found = with_row_ids(connection, raw_rows(values, ["a", "b"]), key, tmp_path)
        assert found.columns == ["a", "b", "_source_file", "_source_sha256", "_row", "row_id"]
        return found.project(f"a, b, _row, row_id, {key_bits_sql()}").order("_row").fetchall()

    return identify


def test_row_ids_are_unique_and_do_not_depend_on_the_order(identified):
    rows = [["1", "x"], ["2", "x"], ["1", "x"], [None, "x"], ["1x", ""], ["1", None], ["1", "x"]]
    ids = sorted(((a, b, row_id) for a, b, _, row_id, _ in identified(rows)), key=repr)
    assert len({row_id for _, _, row_id in ids}) == len(rows)
    assert sorted(((a, b, row_id) for a, b, _, row_id, _ in identified(rows[::-1])), key=repr) == ids


def test_row_ids_are_stable_across_versions(identified):
    """Stored tables and their splits depend on these values."""
    rows = [["1", "x"], ["2", "x"], ["1", "x"], [None, "x"], ["1x", ""], ["1", None], ["1", "x"]]
    assert [row_id for _, _, _, row_id, _ in identified(rows)] == [
        *(2548577490929418240, 1668514560650035200, 2548577490929418241, 4503383612572893184),
        *(3681917675482824704, 1385467812638162944, 2548577490929418242),
    ]


def test_equal_rows_share_the_upper_bits_of_their_ids(identified):
    found = identified([["1", "x"], ["1", "y"], ["2", "x"], ["1", "x"]], ["a"])
    bits = [shared for *_, shared in found]
    assert bits[0] == bits[1] == bits[3] != bits[2]


def test_a_row_keeps_its_id_when_rows_are_added(identified):
    def ids(rows: Sequence[Sequence[str]]) -> set[tuple[Any, ...]]:
        return {(a, b, row_id) for a, b, _, row_id, _ in identified(rows)}

    assert ids([["1", "x"], ["2", "y"]]) < ids([["0", "z"], ["2", "y"], ["1", "x"]])


def test_more_equal_rows_than_row_id_can_number_are_an_error_with_a_hint(
    connection, split: Callable[..., Any], record_property
):
    schema = pa.DataFrameSchema({"a": pa.Column(str), "b": pa.Column(str)})
    rows = [["x", "y"]] * 16_384
    assert split(schema, rows)[0]["row_id"].is_unique
    with (
        pytest.raises(
            DataError, match=r"orders: more than 16,384 rows are equal in a, b\n  hint: declare a `key`"
        ) as raised,
        translated_identity_errors("shop: table orders"),
    ):
        split(schema, [*rows, ["x", "y"]])
    record_property("message", str(raised.value))


def test_keyed_row_ids_are_hmacs_of_the_key(connection, raw_rows, tmp_path):
    rows = [["ann@x.org", "1"], ["zoë@x.org", None], ["ann@x.org", "1"]]
    for secret in (b"0123456789abcdef0123456789abcdef", b"\0'" * 70):  # RFC 2104 hashes a long key first
        found = with_row_ids(connection, raw_rows(rows, ["a", "b"]), ["a", "b"], tmp_path, secret)
        bits = found.project(f"_row, {key_bits_sql()}, row_id").order("_row").fetchall()
        texts = ["ann@x.org\x1f1", "zoë@x.org\x1f\x1e", "ann@x.org\x1f1"]
        expected = [hmac.new(secret, text.encode(), "sha256").hexdigest()[:12] for text in texts]
        assert [one for _, one, _ in bits] == [int(text, 16) for text in expected]
        assert bits[2][2] - bits[0][2] == 1
        entity = raw_rows(rows[:1], ["a", "b"]).project(row_bits_sql(["a"], salt="2025-01", secret=secret))
        of_entity = hmac.new(secret, b"2025-01\x1fann@x.org", "sha256").hexdigest()[:12]
        assert entity.fetchall() == [(int(of_entity, 16) << 14,)]
