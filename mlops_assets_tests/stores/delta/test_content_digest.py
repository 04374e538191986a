"""The content digest: neither rows' order nor columns' order matters, and everything else does."""

from collections.abc import Callable

import duckdb
import pytest

from mlops_assets.stores.delta.content_digest import file_name, named_digest, relation_digest

Rows = Callable[..., duckdb.DuckDBPyRelation]


def test_order_of_rows_and_columns_is_no_content(rows: Rows):
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


def test_a_renamed_column_is_another_content(rows: Rows):
    assert relation_digest(rows("(1, 'x')"))[1] != relation_digest(rows("(1, 'x')", "a, c"))[1]


def test_a_files_name_tells_the_digest_unless_another_writer_named_it(rows: Rows):
    _, digest = relation_digest(rows("(1, 'x')"))
    ours = [file_name(digest, unique) for unique in ("1a2b-00000", "1a2b-00001")]
    assert named_digest(ours) == digest
    assert named_digest([*ours, file_name("0" * 32, "1a2b")]) is None
    assert named_digest(["part-00000-5c0a2a3c-c000.snappy.parquet"]) is None
    assert named_digest([]) is None
