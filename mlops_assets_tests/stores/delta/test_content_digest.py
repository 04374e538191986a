"""The content digest: independent of the order of rows and columns, and of nothing else."""

from collections.abc import Callable

import duckdb
import pytest

from mlops_assets.stores.delta.content_digest import (
    RowHashes,
    file_name,
    named_digest,
    relation_digest,
    row_hashes,
)

Rows = Callable[..., duckdb.DuckDBPyRelation]


def test_the_order_of_rows_and_columns_does_not_matter(rows: Rows):
    assert relation_digest(rows("(1, 'x'), (2, 'y')")) == relation_digest(rows("('y', 2), ('x', 1)", "b, a"))


@pytest.mark.parametrize(
    "other",
    [
        "(1, 'x'), (1, 'x')",
        "(1, 'x'), (1, 'x'), (1, 'x'), (2, 'y')",
        "(1, 'x'), (2, 'y'), (2, 'y')",
        "(1, 'y'), (2, 'x')",
        "(1, 'x'), (2, null)",
        "(1::bigint, 'x'), (2, 'y')",
    ],
)
def test_other_rows_have_another_digest(rows: Rows, other: str):
    assert relation_digest(rows("(1, 'x'), (2, 'y')"))[1] != relation_digest(rows(other))[1]


def test_equal_rows_add_up_instead_of_cancelling(rows: Rows):
    digests = {relation_digest(rows(", ".join(["(1, 'x')"] * count)))[1] for count in range(1, 6)}
    assert len(digests) == 5


def test_a_renamed_column_has_another_digest(rows: Rows):
    assert relation_digest(rows("(1, 'x')"))[1] != relation_digest(rows("(1, 'x')", "a, c"))[1]


def test_file_names_contain_the_digest_unless_another_program_wrote_a_file(rows: Rows):
    _, digest = relation_digest(rows("(1, 'x')"))
    ours = [file_name(digest, "1a2b", number, "f" * 64) for number in ("00000", "00001")]
    assert named_digest(ours) == digest
    assert named_digest([*ours, file_name("0" * 32, "1a2b", "00000", "f" * 64)]) is None
    assert named_digest(["part-00000-5c0a2a3c-c000.snappy.parquet"]) is None
    assert named_digest([]) is None


def test_row_hashes_are_summed_by_group_beyond_64_bits(rows: Rows):
    found = row_hashes(rows("(1, 'x'), (2, 'y'), (1, 'x'), (3, null)"), ["a", "b"], by="b")
    with duckdb.connect() as connection:
        one, other, null = connection.execute(
            "select hash(1, 'x'), hash(2, 'y'), hash(3, null::varchar)"
        ).fetchall()[0]
    assert found == {"x": RowHashes(2, 2 * one), "y": RowHashes(1, other), None: RowHashes(1, null)}


def test_columns_may_have_the_names_of_the_aggregates(rows: Rows):
    plain = row_hashes(rows("(1, 2, 'x'), (3, 4, 'y')", "a, b, c"), ["a", "b", "c"])
    same = row_hashes(rows("(1, 2, 'x'), (3, 4, 'y')", "rows, total, key"), ["rows", "total", "key"])
    assert plain == same


def test_a_group_without_rows_is_absent(rows: Rows):
    assert row_hashes(rows("(1, 'x')").filter("false"), ["a"]) == {}
    assert relation_digest(rows("(1, 'x')").filter("false"))[0] == 0
