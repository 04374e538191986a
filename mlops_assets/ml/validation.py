"""The contract step: raw rows in, valid and quarantined rows out, each row in exactly one of the two.

Holds: `validate`.
Add here: nothing about what a rule is; that is `contracts.py`.
Not here: the tables that the rows come from and go to.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mlops_assets.errors import DataError
from mlops_assets.ml.contracts import Contract
from mlops_assets.ml.uniqueness import repeats
from mlops_assets.names import BROKEN_RULES, PROVENANCE, ROW_ID, SOURCE_FILE, SOURCE_ROW
from mlops_assets.sql import literal, quoted, quoted_list

_BATCH_ROWS = 65_536
_OCCURRENCE_BITS = 14
_TOO_MANY_EQUAL = "row_id: too many rows are equal in"
_PLACE = f"{SOURCE_FILE}, {SOURCE_ROW}"
_NULLABLE = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
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
) -> tuple[duckdb.DuckDBPyRelation, duckdb.DuckDBPyRelation]:
    """Split raw rows by a contract.

    Only the places of broken rows leave DuckDB; rows that pass are cast and written by it alone.

    Parameters
    ----------
    raw
        The source's columns and their provenance.
    identity
        The columns that tell one row from another, for `row_id`.
    scratch
        A folder for files that the returned relations read.
    before
        A column of times and the moment that all of them lie before: rows from the future are quarantined.

    Returns
    -------
    valid
        The contract's columns, cast, the provenance, and `row_id`.
    quarantine
        The raw columns as they came, and `_broken_rules`.
    """
    columns = raw.columns
    rules = contract.cast_rules_sql(columns)
    if before:
        rules = f"list_concat({rules}, {_future_rule_sql(contract, *before)})"
    typed = raw.project(f"{contract.cast_sql(columns)}, {rules} as {BROKEN_RULES}, {quoted_list(PROVENANCE)}")
    found = _write_broken_rows(typed, contract, scratch / "broken.parquet")
    broken = connection.read_parquet(str(found))
    bare = typed.project(f"* exclude ({BROKEN_RULES})")
    if contract.unique:
        places = broken.project(_PLACE).distinct()
        sound = bare.join(places, _PLACE, how="anti").project("*, false as _broken")
        marked = sound.union(bare.join(places, _PLACE, how="semi").project("*, true as _broken"))
        marked.create_view("marked", replace=True)
        broken = broken.union(repeats(connection, contract, "marked", scratch))
    listed = broken.aggregate(f"{_PLACE}, list(rule order by rank, rule) as {BROKEN_RULES}", _PLACE)
    listed.write_parquet(str(scratch / "rules.parquet"))
    listed = connection.read_parquet(str(scratch / "rules.parquet"))
    quarantine = raw.join(listed, _PLACE)
    return with_row_ids(bare.join(listed, _PLACE, how="anti"), identity), quarantine


def _future_rule_sql(contract: Contract, name: str, moment: datetime) -> str:
    """A list with the rule that a row breaks whose time is not before a moment."""
    cast = next(column.cast_sql() for column in contract.columns if column.name == name)
    rule = literal(f"{name}: before({moment.isoformat(sep=' ')})")
    late = f"case when {cast} >= timestamp {literal(moment)} then {rule} end"
    return f"list_filter([{late}]::varchar[], lambda rule: rule is not null)"


def with_row_ids(relation: duckdb.DuckDBPyRelation, key: Sequence[str]) -> duckdb.DuckDBPyRelation:
    """Add `row_id`: 48 bits of the key's MD5, then the row's number among those with the same bits.

    The same key gets the same identity on every machine and in every version of DuckDB. Rows that are equal
    in all of the key share the upper bits, and so the side of a split.
    """
    identified = relation.project(f"*, {_bits_sql(key)} as _bits")
    numbered = identified.project(
        f"*, row_number() over (partition by _bits order by {_PLACE}) - 1 as _number"
    )
    most, told = 1 << _OCCURRENCE_BITS, literal(f"{_TOO_MANY_EQUAL} {', '.join(key)}")
    room = f"case when _number < {most} then _number else error({told}) end"
    return numbered.project(f"* exclude (_bits, _number), _bits * {most} + {room} as {ROW_ID}")


@contextmanager
def identities_told(subject: str) -> Iterator[None]:
    """Tell in words what `with_row_ids` finds when its rows are read.

    Raises
    ------
    DataError
        When more rows are equal than `row_id` can number: the next one would pass for another key's.
    """
    try:
        yield
    except duckdb.Error as error:
        _, found, columns = str(error).partition(_TOO_MANY_EQUAL)
        if not found:
            raise
        raise DataError(
            f"{subject}: more than {1 << _OCCURRENCE_BITS:,} rows are equal in "
            f"{columns.strip().splitlines()[0]}",
            hint="declare a `key` for the table, a column such as the row's number that tells rows apart",
        ) from error


def row_bits_sql(key: Sequence[str], *, salt: str) -> str:
    """An expression for a `row_id` where no two rows of a salt have the same key."""
    return f"{_bits_sql(key, literal(salt))} * {1 << _OCCURRENCE_BITS}"


def _bits_sql(key: Sequence[str], *before: str) -> str:
    text = ", ".join([*before, *(f"coalesce({quoted(name)}::varchar, chr(30))" for name in key)])
    return f"('0x' || left(md5(concat_ws(chr(31), {text})), 12))::bigint"


def key_bits_sql() -> str:
    """The part of `row_id` that rows with the same key share."""
    return f"{ROW_ID} // {1 << _OCCURRENCE_BITS}"


def _write_broken_rows(typed: duckdb.DuckDBPyRelation, contract: Contract, target: Path) -> Path:
    """Write place and rule of every broken row, one line a rule, ranked in the order of the rules."""
    with pq.ParquetWriter(target, _BROKEN_SCHEMA) as writer:
        for batch in typed.to_arrow_reader(_BATCH_ROWS):
            rules = batch.column(BROKEN_RULES).to_pylist()
            frame = batch.select(contract.names).to_pandas(types_mapper=_NULLABLE.get)
            for position, found in contract.broken_rules(frame).items():
                rules[position] = [*rules[position], *found]
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
    return target
