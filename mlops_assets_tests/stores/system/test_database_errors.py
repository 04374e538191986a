"""Errors of Dagster's databases as one sentence, which names the file."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.system.database_errors import translated_database_errors


@pytest.fixture
def query(tmp_path: Path) -> Callable[[str], None]:
    """Run a statement on one of two databases in a folder."""
    for name in ("runs.db", "index.db"):
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            connection.execute("create table runs (value)")
            connection.executemany("insert into runs values (?)", [(row,) for row in range(5000)])
            connection.commit()

    def run(statement: str) -> None:
        engine = create_engine(f"sqlite:///{tmp_path / 'index.db'}", connect_args={"timeout": 0.1})
        with translated_database_errors("Dagster's instance", tmp_path), engine.begin() as connection:
            connection.execute(text(statement))

    return run


def test_a_damaged_database_is_named_among_others(query, tmp_path: Path):
    content = bytearray((tmp_path / "index.db").read_bytes())
    content[4096:] = b"\x07" * (len(content) - 4096)
    (tmp_path / "index.db").write_bytes(content)
    with pytest.raises(StoreError, match=r"the database .*/index\.db is damaged: database disk") as error:
        query("select sum(value) from runs")
    assert "move it away" in str(error.value.hint)


def test_a_locked_database_is_an_error(query, tmp_path: Path):
    with closing(sqlite3.connect(tmp_path / "index.db")) as other:
        other.execute("begin exclusive")
        with pytest.raises(StoreError, match="is locked by another process"):
            query("delete from runs")


def test_a_database_of_another_version_is_an_error_without_the_statement(query):
    with pytest.raises(StoreError, match=r"lacks events: it is incomplete, or of another version") as error:
        query("select * from events where value = 'secret'")
    assert "secret" not in str(error.value)


def test_a_server_without_an_answer_is_an_error_without_its_password(tmp_path: Path):
    engine = create_engine("postgresql+psycopg://user:geheim@127.0.0.1:9/dagster")
    with (
        pytest.raises(StoreError, match=r"the database can't be used: connection .*failed") as error,
        translated_database_errors("Dagster's instance", tmp_path),
    ):
        engine.connect()
    assert "geheim" not in str(error.value)
    assert "whether the server runs" in str(error.value.hint)
