"""The contract step: raw rows in, valid and quarantined rows out, each row in exactly one of the two."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import reduce
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mlops_assets.core.errors import DataError
from mlops_assets.core.names import BROKEN_RULES, PROVENANCE, ROW_ID, SOURCE_FILE, SOURCE_ROW
from mlops_assets.core.sql_quoting import literal, quoted, quoted_list
from mlops_assets.ml.contracts.cast_rules import broken_sql, rules_sql, typed_sql
from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.contracts.duplicates import repeats
from mlops_assets.ml.contracts.screen import Screen

_BATCH_ROWS = 65_536
_OCCURRENCE_BITS = 14
_TOO_MANY_EQUAL = "row_id: too many rows are equal in"
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
    suspects = _write_suspects(connection, raw, contract, before, scratch)
    judged = _typed(raw.join(suspects, _PLACE, how="semi"), contract, before)
    _write_broken_rows(judged, contract, scratch / "broken.parquet")
    broken = connection.read_parquet(str(scratch / "broken.parquet"))
    if contract.unique:
        broken = _with_repeats(connection, raw, contract, broken, scratch)
    listed = broken.aggregate(f"{_PLACE}, list(rule order by rank, rule) as {BROKEN_RULES}", _PLACE)
    listed.write_parquet(str(scratch / "rules.parquet"))
    listed = connection.read_parquet(str(scratch / "rules.parquet"))
    columns = f"{contract.cast_sql(raw.columns)}, {quoted_list(PROVENANCE)}"
    valid = raw.join(listed, _PLACE, how="anti").project(columns)
    return with_row_ids(connection, valid, identity, scratch), raw.join(listed, _PLACE)


def _typed(
    raw: duckdb.DuckDBPyRelation, contract: Contract, before: tuple[str, datetime] | None
) -> duckdb.DuckDBPyRelation:
    """The contract's columns, cast, the rules that are broken by the cast, and the provenance."""
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
    """The places of the rows that may break a rule, but for uniqueness: the others surely don't."""
    screen = contract.screen
    typed = raw.project(f"{typed_sql(contract.columns, raw.columns)}, {_PLACE}")
    suspect = f"{broken_sql(contract.columns, raw.columns)} or not ({screen.sql})"
    if before:
        suspect = f"{suspect} or {_is_late_sql(quoted(before[0]), before[1])}"
    marked = typed.project(", ".join([_PLACE, f"{suspect} as {_SUSPECT}", *map(quoted, screen.columns)]))
    target = scratch / "suspects.parquet"
    if screen.columns:
        with pq.ParquetWriter(target, _PLACE_SCHEMA) as writer:
            for batch in marked.to_arrow_reader(_BATCH_ROWS):
                writer.write_table(_suspects_of(batch, screen))
    else:
        marked.filter(_SUSPECT).project(_PLACE).write_parquet(str(target))
    return connection.read_parquet(str(target))


def _suspects_of(batch: pa.RecordBatch, screen: Screen) -> pa.Table:
    """The places of a batch's rows that SQL or a check written in Python suspects."""
    suspected = batch.column(_SUSPECT).to_numpy(zero_copy_only=False).astype(bool)
    trusted = np.flatnonzero(~suspected)
    frame = batch.select(list(screen.columns)).take(pa.array(trusted)).to_pandas(types_mapper=_NULLABLE.get)
    suspected[trusted] = screen.doubts(frame)
    places = batch.select([SOURCE_FILE, SOURCE_ROW]).take(pa.array(np.flatnonzero(suspected)))
    return pa.Table.from_batches([places]).cast(_PLACE_SCHEMA)


def _with_repeats(
    connection: duckdb.DuckDBPyConnection,
    raw: duckdb.DuckDBPyRelation,
    contract: Contract,
    broken: duckdb.DuckDBPyRelation,
    scratch: Path,
) -> duckdb.DuckDBPyRelation:
    """The same with the rows that repeat another one's values.

    Only rows whose values stand more than once are looked at: a window over all rows would hold and sort them
    all.
    """
    typed = raw.project(f"{contract.cast_sql(raw.columns)}, {_PLACE}")
    places = [
        _repeated_places(connection, typed, names, scratch / f"repeated_{number}.parquet")
        for number, names in enumerate(contract.unique)
    ]
    together = reduce(lambda ours, theirs: ours.union(theirs), places).distinct()
    columns = quoted_list(dict.fromkeys(name for names in contract.unique for name in names))
    candidates = typed.join(together, _PLACE, how="semi").project(f"{columns}, {_PLACE}")
    candidates.write_parquet(str(scratch / "candidates.parquet"))
    candidates = connection.read_parquet(str(scratch / "candidates.parquet"))
    faulty = broken.project(_PLACE).distinct()
    sound = candidates.join(faulty, _PLACE, how="anti").project("*, false as _broken")
    marked = sound.union(candidates.join(faulty, _PLACE, how="semi").project("*, true as _broken"))
    marked.create_view("marked", replace=True)
    return broken.union(repeats(connection, contract, "marked", scratch))


def _repeated_places(
    connection: duckdb.DuckDBPyConnection, typed: duckdb.DuckDBPyRelation, names: Sequence[str], target: Path
) -> duckdb.DuckDBPyRelation:
    """The places of the rows whose values of some columns stand more than once."""
    keys = quoted_list(names)
    typed.aggregate(f"{keys}, count(*) as _times", keys).filter("_times > 1").write_parquet(str(target))
    same = " and ".join(f"typed.{quoted(name)} is not distinct from found.{quoted(name)}" for name in names)
    found = connection.read_parquet(str(target)).set_alias("found")
    return typed.set_alias("typed").join(found, same, how="semi").project(_PLACE)


def _is_late_sql(time: str, moment: datetime) -> str:
    return f"coalesce({time} >= timestamp {literal(moment)}, false)"


def count_broken_rules(contract: Contract, rows: duckdb.DuckDBPyRelation) -> dict[str, int]:
    """How many rows break each rule of a contract; uniqueness is not looked at."""
    counts: Counter[str] = Counter()
    rules = rules_sql(contract.columns, rows.columns)
    judged = rows.project(f"{typed_sql(contract.columns, rows.columns)}, {rules} as {BROKEN_RULES}")
    if not contract.screen.columns:
        judged = judged.filter(f"{broken_sql(contract.columns, rows.columns)} or not ({contract.screen.sql})")
    for batch in judged.to_arrow_reader(_BATCH_ROWS):
        for rules_of_row in _broken_rules(batch, contract):
            counts.update(rules_of_row)
    return dict(counts)


def _future_rule_sql(contract: Contract, name: str, moment: datetime) -> str:
    """A list with the rule that a row breaks whose time is not before a moment."""
    rule = literal(f"{name}: before({moment.isoformat(sep=' ')})")
    cast = next(column.cast_sql() for column in contract.columns if column.name == name)
    late = f"case when {_is_late_sql(cast, moment)} then {rule} end"
    return f"list_filter([{late}]::varchar[], lambda rule: rule is not null)"


def with_row_ids(
    connection: duckdb.DuckDBPyConnection,
    relation: duckdb.DuckDBPyRelation,
    key: Sequence[str],
    scratch: Path,
) -> duckdb.DuckDBPyRelation:
    """Add `row_id`: 48 bits of the key's MD5, then the row's number among those with the same bits.

    The same key gets the same identity on every machine and in every version of DuckDB. Rows that are equal
    in all of the key share the upper bits, and so the side of a split. Only rows that share their bits with
    another are numbered: a window over all rows would hold and sort them all.
    """
    bits, numbers = scratch / "repeated_bits.parquet", scratch / "numbers.parquet"
    identified = relation.project(f"*, {_bits_sql(key)} as _bits")
    times = identified.aggregate("_bits, count(*) as _times", "_bits")
    times.filter("_times > 1").write_parquet(str(bits))
    number = f"row_number() over (partition by _bits order by {_PLACE}) - 1"
    most, told = 1 << _OCCURRENCE_BITS, literal(f"{_TOO_MANY_EQUAL} {', '.join(key)}")
    room = f"case when _number < {most} then _number else error({told}) end as _number"
    repeated = identified.join(connection.read_parquet(str(bits)), "_bits", how="semi")
    repeats_numbered = repeated.project(f"{_PLACE}, {number} as _number").filter("_number > 0")
    repeats_numbered.project(f"{_PLACE}, {room}").write_parquet(str(numbers))
    numbered = identified.join(connection.read_parquet(str(numbers)), _PLACE, how="left")
    row_id = f"_bits * {most} + coalesce(_number, 0) as {ROW_ID}"
    return numbered.project(f"{quoted_list(relation.columns)}, {row_id}")


@contextmanager
def identities_told(subject: str) -> Iterator[None]:
    """Tell in words what `with_row_ids` finds.

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


def _write_broken_rows(typed: duckdb.DuckDBPyRelation, contract: Contract, target: Path) -> None:
    """Write place and rule of every broken row, one line a rule, ranked in the order of the rules."""
    with pq.ParquetWriter(target, _BROKEN_SCHEMA) as writer:
        for batch in typed.to_arrow_reader(_BATCH_ROWS):
            rules = _broken_rules(batch, contract)
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


def _broken_rules(batch: pa.RecordBatch, contract: Contract) -> list[list[str]]:
    """All rules, but for uniqueness, that each row of a typed batch breaks, in their order."""
    rules: list[list[str]] = batch.column(BROKEN_RULES).to_pylist()
    frame = batch.select(contract.names).to_pandas(types_mapper=_NULLABLE.get)
    for position, found in contract.broken_rules(frame).items():
        rules[position] = [*rules[position], *found]
    return rules
