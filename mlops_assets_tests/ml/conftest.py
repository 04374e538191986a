"""Raw rows for contracts and small problems for models."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from mlops_assets.core.sql_quoting import quoted
from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.contracts.validation import validate
from mlops_assets.ml.families import Settings
from mlops_assets.ml.metrics.tasks import Task

Outcome = tuple[pd.DataFrame, pd.DataFrame]


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"python_enable_replacements": "false"}) as connection:
        yield connection


@pytest.fixture
def raw_rows(connection: duckdb.DuckDBPyConnection) -> Callable[..., duckdb.DuckDBPyRelation]:
    """Rows of text as a source file brings them; `None` is no value."""

    def rows(
        values: Sequence[Sequence[str | None]], columns: Sequence[str], *, file: str = "a.csv"
    ) -> duckdb.DuckDBPyRelation:
        frame = pd.DataFrame([*map(list, values)], columns=list(columns), dtype=object)
        texts = ", ".join(f"{quoted(name)}::varchar as {quoted(name)}" for name in columns)
        return connection.from_df(frame).project(
            f"{texts}, '{file}' as _source_file, 'abc' as _source_sha256, row_number() over () as _row"
        )

    return rows


@pytest.fixture
def split(
    connection: duckdb.DuckDBPyConnection, raw_rows: Callable[..., Any], tmp_path: Path
) -> Callable[..., Outcome]:
    """Valid and quarantined rows of a schema, both in the order in which they came."""

    def run(
        schema: Any,
        values: Sequence[Sequence[str | None]],
        columns: Sequence[str] | None = None,
        *,
        key: Sequence[str] = (),
    ) -> Outcome:
        contract = Contract.of(schema, subject="shop: table orders", key=key)
        raw = raw_rows(values, columns or contract.names)
        valid, quarantine = validate(
            connection, raw, contract, identity=key or contract.names, scratch=tmp_path
        )
        return valid.order("_row").df(), quarantine.order("_row").df()

    return run


@pytest.fixture
def problem() -> Callable[..., tuple[pd.DataFrame, np.ndarray, Settings]]:
    """Features with a gap and a text column, a target that depends on them, and quick settings."""

    def make(
        task: Task, rows: int = 240, *, threads: int = 1, seed: int = 0
    ) -> tuple[pd.DataFrame, np.ndarray, Settings]:
        random = np.random.default_rng(seed)
        size, weight = random.uniform(0, 10, rows), random.normal(0, 1, rows)
        kind = random.choice(["car", "van"], rows).astype(object)
        value = size + 2.0 * weight + 3.0 * (kind == "van") + random.normal(0, 0.5, rows)
        classes = {"regression": 1, "binary": 2, "multiclass": 3}[task]
        target = value if classes == 1 else np.digitize(value, np.quantile(value, [0.4, 0.7][: classes - 1]))
        features = pd.DataFrame(
            {"size": np.where(random.random(rows) < 0.1, np.nan, size), "weight": weight, "kind": kind}
        )
        settings = Settings(task, classes, seed=0, threads=threads, max_rounds=30, early_stopping_rounds=5)
        return features, target, settings

    return make
