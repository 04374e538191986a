"""The protocol of sources: subjects of messages, and DuckDB's errors while fetched rows are read."""

import duckdb
import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.stores.sources.base import Fetched, Ingestion, translated_errors


def test_the_subject_of_messages_is_project_and_table():
    assert Ingestion("shop", "orders").subject == "shop: table orders"


def translated(error: Exception) -> DataError:
    return DataError(f"translated: {error}")


def test_an_error_of_duckdb_while_rows_are_read_is_translated():
    with duckdb.connect() as connection:
        fetched = Fetched([connection.sql("select error('truncated') as a")], "0" * 64)

        def read() -> None:
            with translated_errors(fetched, translated) as relations:
                for relation in relations:
                    relation.fetchall()

        with pytest.raises(DataError, match=r"translated: .*truncated") as raised:
            read()
    assert isinstance(raised.value.__cause__, duckdb.Error)


def test_other_errors_are_not_translated():
    def fail() -> None:
        with translated_errors(Fetched([], "0" * 64), translated):
            raise KeyError("of the caller")

    with pytest.raises(KeyError):
        fail()
