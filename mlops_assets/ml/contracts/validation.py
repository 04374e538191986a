"""The contract step: each raw row becomes either a valid or a quarantined row."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from functools import reduce
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mlops_assets.core.names import BROKEN_RULES, PROVENANCE, SOURCE_FILE, SOURCE_ROW
from mlops_assets.core.query_batches import query_batches
from mlops_assets.core.sql_quoting import literal, quoted, quoted_list
from mlops_assets.ml.contracts.cast_rules import broken_sql, rules_sql, typed_sql
from mlops_assets.ml.contracts.columns import source_types
from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.contracts.duplicates import find_duplicates
from mlops_assets.ml.contracts.row_ids import with_row_ids
from mlops_assets.ml.contracts.screen import Screen

_BATCH_ROWS = 65_536
_PLACE = f"{SOURCE_FILE}, {SOURCE_ROW}"
_NULLABLE = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
_SUSPECT = "_suspect"
_PLACE_SCHEMA = pa.schema([(SOURCE_FILE, pa.string()), (SOURCE_ROW, pa.int64())])
_BROKEN_SCHEMA = pa.schema(
    [(SOURCE_FILE, pa.string()), (SOURCE_ROW, pa.int64()), ("rule", pa.string()), ("rank", pa.int64())]
)


def validate(
    connection: duckdb.DuckDBPyConnection,
    raw: duckdb.DuckDBPyRelation,
    contract: Contract,
    *,
    identity: Sequence[str],
    scratch: Path,
    before: tuple[str, datetime] | None = None,
    secret: bytes | None = None,
) -> tuple[duckdb.DuckDBPyRelation, duckdb.DuckDBPyRelation]:
    """Split raw rows into valid and quarantined rows.

    DuckDB casts and writes the valid rows; only the provenance of rows that violate a rule is read in Python.

    Parameters
    ----------
    raw
        The source's columns and their provenance.
    identity
        Columns that identify a row, for `row_id`.
    scratch
        A folder for files that the returned relations read.
    before
        Name of a time column and its exclusive upper bound: rows from the future are quarantined.
    secret
        The key of `row_id`, if columns of the identity are sensitive.

    Returns
    -------
    valid
        The contract's columns, cast, the provenance, and `row_id`.
    quarantine
        The raw columns, unchanged, and `_broken_rules`.
    """
    suspects = _write_suspects(connection, raw, contract, before, scratch)
    # DuckDB plans the rules of thousands of columns for minutes: without suspects, there is nothing to plan.
    typed = _typed(raw.join(suspects, _PLACE, how="semi"), contract, before) if len(suspects) else None
    _write_broken_rows(typed, contract, scratch / "broken.parquet")
    broken = connection.read_parquet(str(scratch / "broken.parquet"))
    if contract.unique:
        broken = _with_repeats(connection, raw, contract, broken, scratch)
    listed = broken.aggregate(f"{_PLACE}, list(rule order by rank, rule) as {BROKEN_RULES}", _PLACE)
    listed.write_parquet(str(scratch / "rules.parquet"))
    listed = connection.read_parquet(str(scratch / "rules.parquet"))
    columns = f"{contract.cast_sql(raw.columns)}, {quoted_list(PROVENANCE)}"
    valid = raw.join(listed, _PLACE, how="anti").project(columns)
    return with_row_ids(connection, valid, identity, scratch, secret), raw.join(listed, _PLACE)


def _typed(
    raw: duckdb.DuckDBPyRelation, contract: Contract, before: tuple[str, datetime] | None
) -> duckdb.DuckDBPyRelation:
    """The contract's columns, cast, the rules that the cast violates, and the provenance."""
    rules = rules_sql(contract.columns, raw.columns)
    if before:
        rules = f"list_concat({rules}, {_future_rule_sql(contract, *before)})"
    return raw.project(
        f"{contract.cast_sql(raw.columns)}, {rules} as {BROKEN_RULES}, {quoted_list(PROVENANCE)}"
    )


def _write_suspects(
    connection: duckdb.DuckDBPyConnection,
    raw: duckdb.DuckDBPyRelation,
    contract: Contract,
    before: tuple[str, datetime] | None,
    scratch: Path,
) -> duckdb.DuckDBPyRelation:
    """Provenance of the rows that may violate a rule other than uniqueness; all other rows are valid."""
    screen = contract.screen
    typed = raw.project(f"{typed_sql(contract.columns, raw.columns)}, {_PLACE}")
    suspect = f"{broken_sql(contract.columns, raw.columns)} or not ({screen.sql})"
    if before:
        suspect = f"{suspect} or {_is_late_sql(quoted(before[0]), before[1])}"
    marked = typed.project(", ".join([_PLACE, f"{suspect} as {_SUSPECT}", *map(quoted, screen.columns)]))
    target = scratch / "suspects.parquet"
    if screen.columns:
        with pq.ParquetWriter(target, _PLACE_SCHEMA) as writer:
            for batch in query_batches(marked.to_arrow_reader(_BATCH_ROWS)):
                writer.write_table(_suspects_of(batch, screen))
    else:
        marked.filter(_SUSPECT).project(_PLACE).write_parquet(str(target))
    return connection.read_parquet(str(target))


def _suspects_of(batch: pa.RecordBatch, screen: Screen) -> pa.Table:
    """Provenance of the rows of a batch that an SQL condition or a Python check selects."""
    suspected = np.flatnonzero(suspected_rows(batch, _SUSPECT, screen))
    places = batch.select([SOURCE_FILE, SOURCE_ROW]).take(pa.array(suspected))
    return pa.Table.from_batches([places]).cast(_PLACE_SCHEMA)


def suspected_rows(batch: pa.RecordBatch, condition: str, screen: Screen) -> NDArray[np.bool_]:
    """Whether an SQL condition or a Python check selects each row of a batch.

    Parameters
    ----------
    condition
        The column with the result of the SQL condition, beside the columns of the screen.
    """
    suspected: NDArray[np.bool_] = batch.column(condition).to_numpy(zero_copy_only=False).astype(bool)
    if screen.columns:
        trusted = np.flatnonzero(~suspected)
        rows = batch.select(list(screen.columns)).take(pa.array(trusted))
        suspected[trusted] = screen.suspects(rows.to_pandas(types_mapper=_NULLABLE.get))
    return suspected


def _with_repeats(
    connection: duckdb.DuckDBPyConnection,
    raw: duckdb.DuckDBPyRelation,
    contract: Contract,
    broken: duckdb.DuckDBPyRelation,
    scratch: Path,
) -> duckdb.DuckDBPyRelation:
    """Add the rows that violate uniqueness.

    Only rows whose values occur more than once are read: a window over all rows would hold and sort them all.
    """
    typed = raw.project(f"{contract.cast_sql(raw.columns)}, {_PLACE}")
    places = [
        _repeated_places(connection, typed, names, scratch / f"repeated_{number}.parquet")
        for number, names in enumerate(contract.unique)
    ]
    together = reduce(lambda one, other: one.union(other), places).distinct()
    columns = quoted_list(dict.fromkeys(name for names in contract.unique for name in names))
    candidates = typed.join(together, _PLACE, how="semi").project(f"{columns}, {_PLACE}")
    candidates.write_parquet(str(scratch / "candidates.parquet"))
    candidates = connection.read_parquet(str(scratch / "candidates.parquet"))
    invalid = broken.project(_PLACE).distinct()
    passed = candidates.join(invalid, _PLACE, how="anti").project("*, false as _broken")
    marked = passed.union(candidates.join(invalid, _PLACE, how="semi").project("*, true as _broken"))
    marked.create_view("marked", replace=True)
    return broken.union(find_duplicates(connection, contract, "marked", scratch))


def _repeated_places(
    connection: duckdb.DuckDBPyConnection, typed: duckdb.DuckDBPyRelation, names: Sequence[str], target: Path
) -> duckdb.DuckDBPyRelation:
    """Provenance of the rows whose values in some columns occur more than once."""
    keys = quoted_list(names)
    typed.aggregate(f"{keys}, count(*) as _times", keys).filter("_times > 1").write_parquet(str(target))
    same = " and ".join(f"typed.{quoted(name)} is not distinct from found.{quoted(name)}" for name in names)
    found = connection.read_parquet(str(target)).set_alias("found")
    return typed.set_alias("typed").join(found, same, how="semi").project(_PLACE)


def _is_late_sql(time: str, end: datetime) -> str:
    return f"coalesce({time} >= timestamp {literal(end)}, false)"


def count_broken_rules(contract: Contract, rows: duckdb.DuckDBPyRelation) -> dict[str, int]:
    """The number of rows that violate each rule of a contract, uniqueness excepted."""
    counts: Counter[str] = Counter()
    types = source_types(rows)
    cast = typed_sql(contract.columns, types)
    suspect = f"{broken_sql(contract.columns, types)} or not ({contract.screen.sql})"
    if contract.screen.columns:
        suspect = "true"
    elif not rows.project(cast).filter(suspect).project("1").limit(1).fetchall():
        return {}
    rules = rules_sql(contract.columns, types)
    typed = rows.project(f"{cast}, {rules} as {BROKEN_RULES}").filter(suspect)
    for batch in query_batches(typed.to_arrow_reader(_BATCH_ROWS)):
        for rules_of_row in violated_rules(batch, contract):
            counts.update(rules_of_row)
    return dict(counts)


def _future_rule_sql(contract: Contract, name: str, end: datetime) -> str:
    """A list with the rule that a row violates whose time is not before `end`."""
    rule = literal(f"{name}: before({end.isoformat(sep=' ')})")
    cast = next(column.cast_sql() for column in contract.columns if column.name == name)
    late = f"case when {_is_late_sql(cast, end)} then {rule} end"
    return f"list_filter([{late}]::varchar[], lambda rule: rule is not null)"


def _write_broken_rows(typed: duckdb.DuckDBPyRelation | None, contract: Contract, target: Path) -> None:
    """Write provenance and rule of every violation, ranked in the order of the rules."""
    with pq.ParquetWriter(target, _BROKEN_SCHEMA) as writer:
        for batch in query_batches(typed.to_arrow_reader(_BATCH_ROWS)) if typed else ():
            rules = violated_rules(batch, contract)
            positions = [position for position, found in enumerate(rules) for _ in found]
            if positions:
                places = batch.select([SOURCE_FILE, SOURCE_ROW]).take(pa.array(positions))
                writer.write_table(
                    pa.table(
                        {
                            SOURCE_FILE: places.column(SOURCE_FILE),
                            SOURCE_ROW: places.column(SOURCE_ROW),
                            "rule": [rule for found in rules for rule in found],
                            "rank": [rank for found in rules for rank in range(len(found))],
                        },
                        schema=_BROKEN_SCHEMA,
                    )
                )


def violated_rules(batch: pa.RecordBatch, contract: Contract) -> list[list[str]]:
    """The rules that each row of a typed batch violates, in their order, uniqueness excepted.

    Parameters
    ----------
    batch
        The contract's columns, cast, and in `_broken_rules` the rules that the cast violates.
    """
    rules: list[list[str]] = batch.column(BROKEN_RULES).to_pylist()
    frame = batch.select(contract.names).to_pandas(types_mapper=_NULLABLE.get)
    for position, found in contract.broken_rules(frame).items():
        rules[position] = [*rules[position], *found]
    return rules
