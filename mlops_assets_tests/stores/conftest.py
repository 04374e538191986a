"""A warehouse, rows for it, and processes for tests of what several may do at once."""

from collections.abc import Callable, Iterator
from multiprocessing import get_context
from multiprocessing.context import BaseContext
from pathlib import Path

import duckdb
import pytest

from mlops_assets.stores.warehouse import Warehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse")


@pytest.fixture
def rows() -> Iterator[Callable[..., duckdb.DuckDBPyRelation]]:
    """Make a relation of literal rows."""
    with duckdb.connect() as connection:
        yield lambda values, columns="a, b": connection.sql(
            f"select * from (values {values}) rows({columns})"
        )


@pytest.fixture(scope="session")
def processes() -> BaseContext:
    """Processes of a server that has imported the stores once: their imports take longer than their work."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["mlops_assets.stores.tracking", "mlops_assets.stores.warehouse"])
    return context
