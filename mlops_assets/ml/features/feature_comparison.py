"""Comparison of features that were computed twice and should be equal."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from mlops_assets.core.names import ROW_ID
from mlops_assets.core.sql_quoting import count_where, quoted, quoted_list
from mlops_assets.ml.wide_queries import in_groups

_RELATIVE, _OF_MAGNITUDE = 1e-9, 1e-12
_EXAMPLES = 2


@dataclass(frozen=True)
class Difference:
    """One value that differs: the key of its row, its column, and both values as text, if they are shown."""

    key: str
    column: str
    first: str = ""
    second: str = ""

    def __str__(self) -> str:
        if not self.first:
            return f"{self.key}: {self.column} differs"
        return f"{self.key}: {self.column} is {self.first} and {self.second}"


@dataclass(frozen=True)
class Differences:
    """The differences of two sets of rows.

    Attributes
    ----------
    rows
        Number of rows that differ, or that only one of the two has.
    columns
        Columns with different values.
    examples
        Some values.
    """

    rows: int
    columns: tuple[str, ...]
    examples: tuple[Difference, ...]

    def __bool__(self) -> bool:
        return self.rows > 0

    def __str__(self) -> str:
        columns = f" in {', '.join(self.columns)}" if self.columns else ""
        examples = f" ({'; '.join(map(str, self.examples))})" if self.examples else ""
        return f"{columns}{examples}"


def find_differences(
    first: duckdb.DuckDBPyRelation,
    second: duckdb.DuckDBPyRelation,
    key: Sequence[str],
    *,
    magnitude: float | None = None,
    examples: int = _EXAMPLES,
    shown: bool = True,
) -> Differences:
    """Compare rows by their key; rows with one key are compared in the order of their values.

    Parameters
    ----------
    key
        Columns that should identify a row in both.
    magnitude
        Accept what another order of addition can cause: floating-point numbers that differ by 1e-9 of their
        own value, or by 1e-12 of the largest number that they can be computed from: this one, or the largest
        of their column. None requires equality.
    examples
        Number of rows to show.
    shown
        Whether examples quote values. Otherwise they name columns, and rows by their `row_id`.
    """
    columns = _changed_columns(first, second, key)
    if not columns:
        return Differences(0, (), ())
    kinds = dict(zip(first.columns, map(str, first.types), strict=True))
    largest = {} if magnitude is None else _largest(first, [one for one in columns if kinds[one] == "DOUBLE"])
    number = (
        f"row_number() over (partition by {quoted_list(key)} order by {quoted_list(first.columns)}) as _copy"
    )
    left, right = (
        one.project(f"{quoted_list(first.columns)}, true as _here, {number}") for one in (first, second)
    )
    by = [*map(quoted, key), "_copy"]
    on = " and ".join(f"a.{name} is not distinct from b.{name}" for name in by)
    pairs = left.set_alias("a").join(right.set_alias("b"), on, how="outer")
    differs = {
        name: _differs(quoted(name), None if magnitude is None else max(magnitude, largest.get(name, 0)))
        if kinds[name] == "DOUBLE"
        else f"a.{quoted(name)} is distinct from b.{quoted(name)}"
        for name in columns
    }
    alone = "(a._here is null or b._here is null)"
    either = " or ".join([alone, *differs.values()])
    different = pairs.filter(either)
    [(rows,)] = different.aggregate("count(*)").fetchall()
    if not rows:  # the aggregates of thousands of columns take long to plan, and much memory
        return Differences(0, (), ())
    counted = ", ".join(count_where(f"not {alone} and ({one})") for one in differs.values())
    counts = different.aggregate(counted).fetchall()[0] if counted else ()
    found = tuple(name for name, count in zip(columns, counts, strict=True) if count)
    named = key if shown else [name for name in (ROW_ID,) if name in first.columns]
    chosen = _examples(pairs, named, differs, alone, examples, shown=shown) if named else []
    return Differences(int(rows), found, tuple(chosen))


def _changed_columns(
    first: duckdb.DuckDBPyRelation, second: duckdb.DuckDBPyRelation, key: Sequence[str]
) -> list[str]:
    """The columns beside the key that may differ: DuckDB takes long to plan a comparison of thousands.

    None differ if the hashes of the rows of both sides have the same sum. Otherwise, a column is equal if the
    hashes of its values with their key have the same sum, and each key has one row.
    """
    columns = [name for name in first.columns if name not in key]
    if [str(kind) for kind in first.types] != [
        str(second.types[second.columns.index(name)]) for name in first.columns
    ]:
        return columns
    one, other = (_summed_hashes(side, [quoted_list(first.columns)]) for side in (first, second))
    if one == other:
        return []
    [(rows, distinct)] = first.aggregate(f"count(*), count(distinct ({quoted_list(key)}))").fetchall()
    hashed = [quoted_list([*key, name]) for name in columns]
    one, other = (_summed_hashes(side, hashed) for side in (first, second))
    changed = [name for name, ours, theirs in zip(columns, one, other, strict=True) if ours != theirs]
    return changed if rows == distinct and changed else columns


def _summed_hashes(rows: duckdb.DuckDBPyRelation, hashed: Sequence[str]) -> list[int | None]:
    """The sum of the hashes of each list of columns, over all rows."""
    return [
        total
        for group in in_groups(hashed)
        for total in rows.aggregate(", ".join(f"sum(hash({each})::hugeint)" for each in group)).fetchall()[0]
    ]


def largest_number(relations: Sequence[duckdb.DuckDBPyRelation]) -> float:
    """The largest absolute value of all DOUBLE columns."""
    return max(
        (
            value
            for rows in relations
            for value in _largest(
                rows,
                [
                    name
                    for name, kind in zip(rows.columns, map(str, rows.types), strict=True)
                    if kind == "DOUBLE"
                ],
            ).values()
        ),
        default=0.0,
    )


def _largest(rows: duckdb.DuckDBPyRelation, columns: Sequence[str]) -> dict[str, float]:
    if not columns:
        return {}
    finite = ", ".join(
        f"max(case when isfinite({name}) then abs({name}) end)" for name in map(quoted, columns)
    )
    return {
        name: value or 0.0 for name, value in zip(columns, rows.aggregate(finite).fetchall()[0], strict=True)
    }


def _differs(name: str, magnitude: float | None) -> str:
    """A condition: two numbers differ by more than another order of addition can cause."""
    distinct = f"a.{name} is distinct from b.{name}"
    if magnitude is None:
        return distinct
    allowed = f"{_RELATIVE} * greatest(abs(a.{name}), abs(b.{name})) + {magnitude * _OF_MAGNITUDE!r}::double"
    noise = f"isfinite(a.{name} - b.{name}) and abs(a.{name} - b.{name}) <= {allowed}"
    return f"({distinct} and not coalesce({noise}, false))"


def _examples(
    pairs: duckdb.DuckDBPyRelation,
    key: Sequence[str],
    differs: dict[str, str],
    alone: str,
    count: int,
    *,
    shown: bool,
) -> list[Difference]:
    columns = list(differs)
    keys = [
        f"coalesce(a.{name}, b.{name})::varchar" for name in map(quoted, key)
    ]  # the key of a row that only one side has
    values = [f"a.{name}::varchar, b.{name}::varchar, {differs[column]}" for column, name in _named(columns)]
    order = ", ".join(str(place + 1) for place in range(len(key)))
    condition = " or ".join([alone, *(differs[name] for name in columns)])
    chosen = pairs.filter(condition).project(", ".join([*keys, "a._here", "b._here", *values]))
    found = []
    for row in chosen.order(order).limit(count).fetchall():
        name = ", ".join(f"{column} {value}" for column, value in zip(key, row[: len(key)], strict=True))
        here, there, *rest = row[len(key) :]
        if not (here and there):
            found.append(
                Difference(name, "the row", "there" if here else "missing", "there" if there else "missing")
            )
            continue
        triples = zip(columns, rest[0::3], rest[1::3], rest[2::3], strict=True)
        different = [(column, _text(a), _text(b)) for column, a, b, other in triples if other][:1]
        found += [Difference(name, column, *(both if shown else ())) for column, *both in different]
    return found


def _named(columns: Sequence[str]) -> list[tuple[str, str]]:
    return [(column, quoted(column)) for column in columns]


def _text(value: object) -> str:
    return "null" if value is None else str(value)
