"""Histograms of columns: bins that are chosen once, on reference rows, and counted on any rows."""

import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from operator import add, sub
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from mlops_assets.core.sql_quoting import NUMBERS, literal, quoted
from mlops_assets.ml.comparison.drift import Kind, measure_sql
from mlops_assets.ml.wide_queries import in_groups

_TYPES: Mapping[Kind, str] = {
    "number": "double",
    "time": "timestamp",
    "text": "varchar",
    "category": "varchar",
}


@dataclass(frozen=True)
class Bins:
    """The bins of a column.

    Attributes
    ----------
    kind
        How values are compared: a `text` by its length.
    edges
        Of numbers, times and texts: the upper ends of the bins, which include them; the last bin is open.
    values
        Of categories: the values with a bin each; all others share the last bin.
    """

    column: str
    kind: Kind
    edges: tuple[float, ...] = ()
    values: tuple[str, ...] = ()

    @property
    def is_category(self) -> bool:
        """Whether the bins have no order."""
        return self.kind == "category"


@dataclass(frozen=True)
class Counts:
    """The rows of a column by bin.

    Attributes
    ----------
    missing, not_finite
        Rows without a value, and with NaN or an infinity.
    bins
        Rows in each bin; as many as the bins have edges or values, and one more.
    """

    missing: int
    not_finite: int
    bins: tuple[int, ...]

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self.missing + self.not_finite + sum(self.bins)

    def __add__(self, other: "Counts") -> "Counts":
        return self._combined(other, add)

    def __sub__(self, other: "Counts") -> "Counts":
        return self._combined(other, sub)

    def _combined(self, other: "Counts", operate: Callable[[int, int], int]) -> "Counts":
        return Counts(
            operate(self.missing, other.missing),
            operate(self.not_finite, other.not_finite),
            tuple(map(operate, self.bins, other.bins)),
        )


@dataclass(frozen=True)
class Variation:
    """The usual effect size of one period against the others, and against the one before."""

    training: float
    previous: float


@dataclass(frozen=True)
class Histograms:
    """Bins and counts of the columns of a set of rows.

    Attributes
    ----------
    rows
        The number of rows.
    size
        The number of independent rows: of distinct entities, if rows of an entity repeat.
    variation
        The usual variation between periods by column; empty if it is not known.
    """

    rows: int
    size: int
    bins: Mapping[str, Bins]
    counts: Mapping[str, Counts]
    variation: Mapping[str, Variation] = field(default_factory=dict)

    def without(self, columns: Collection[str]) -> "Histograms":
        """The histograms of the other columns."""
        kept = [name for name in self.bins if name not in columns]
        return Histograms(
            self.rows,
            self.size,
            {name: self.bins[name] for name in kept},
            {name: self.counts[name] for name in kept},
            {name: self.variation[name] for name in kept if name in self.variation},
        )

    def joined(self, other: "Histograms") -> "Histograms":
        """These histograms and those of other columns of the same rows."""
        return Histograms(
            self.rows,
            self.size,
            {**self.bins, **other.bins},
            {**self.counts, **other.counts},
            {**self.variation, **other.variation},
        )

    def to_json(self) -> dict[str, Any]:
        """The histograms as JSON."""
        columns = [{**asdict(self.bins[name]), **asdict(self.counts[name])} for name in self.bins]
        variation = {name: asdict(each) for name, each in self.variation.items()}
        return {"rows": self.rows, "size": self.size, "columns": columns, "variation": variation}

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> "Histograms":
        """The histograms that `to_json` returned.

        Raises
        ------
        ValueError, KeyError, TypeError
            If the text has another form.
        """
        bins, counts = {}, {}
        for each in found["columns"]:
            name, kind = str(each["column"]), each["kind"]
            bins[name] = Bins(name, kind, tuple(map(float, each["edges"])), tuple(map(str, each["values"])))
            counts[name] = Counts(
                int(each["missing"]), int(each["not_finite"]), tuple(map(int, each["bins"]))
            )
            if len(counts[name].bins) != 1 + len(bins[name].edges or bins[name].values):
                raise ValueError(f"column {name} has another number of bins than of counts")
        variation = {name: Variation(**each) for name, each in found["variation"].items()}
        return cls(int(found["rows"]), int(found["size"]), bins, counts, variation)


def count(rows: duckdb.DuckDBPyRelation, bins: Iterable[Bins]) -> dict[str, Counts]:
    """Count the rows of a relation in the bins of each column, many in one pass; see `comparable`."""
    counts: dict[str, Counts] = {}
    for wanted in in_groups(list(bins)):
        counts |= _read_counts(wanted, comparable(rows, wanted).aggregate(_counted_sql(wanted)).fetchall()[0])
    return counts


def comparable(rows: duckdb.DuckDBPyRelation, bins: Iterable[Bins]) -> duckdb.DuckDBPyRelation:
    """The rows with columns of the types that the bins require.

    A column that no longer exists, and values of another type that can't be converted, are missing values.
    """
    types = {name: str(kind) for name, kind in zip(rows.columns, rows.types, strict=True)}
    changed, added = [], []
    for each in bins:
        column, wanted = quoted(each.column), _TYPES[each.kind]
        if each.column not in types:
            added.append(f"null::{wanted} as {column}")
        elif not _fits(types[each.column], each.kind):
            changed.append(f"try_cast({column}::varchar as {wanted}) as {column}")
    if not changed and not added:
        return rows
    replaced = f"* replace ({', '.join(changed)})" if changed else "*"
    return rows.project(", ".join([replaced, *added]))


def _fits(found: str, kind: Kind) -> bool:
    match kind:
        case "number":
            return found.split("(")[0].lower() in NUMBERS
        case "time":
            return found.startswith(("DATE", "TIMESTAMP"))
        case "text":
            return found == "VARCHAR"
        case "category":
            return True


def count_by(rows: duckdb.DuckDBPyRelation, bins: Iterable[Bins], group: str) -> list[dict[str, Counts]]:
    """The counts of the rows of each value of a column, in the order of the values."""
    counts: dict[Any, dict[str, Counts]] = {}
    for wanted in in_groups(list(bins)):
        found = rows.aggregate(f"{quoted(group)}, {_counted_sql(wanted)}", quoted(group)).fetchall()
        for value, *counted in found:
            counts.setdefault(value, {}).update(_read_counts(wanted, counted))
    return [counts[value] for value in sorted(counts)]


def sum_counts(parts: Sequence[Mapping[str, Counts]]) -> dict[str, Counts]:
    """The counts of several sets of rows together."""
    return {name: sum((part[name] for part in parts[1:]), parts[0][name]) for name in parts[0]}


def read_histograms(text: str) -> Histograms:
    """The histograms of a text that holds their JSON; see `Histograms.of_json`."""
    return Histograms.of_json(json.loads(text))


def _counted_sql(bins: Sequence[Bins]) -> str:
    return ", ".join(part for each in bins for part in _counted(each))


def _read_counts(bins: Sequence[Bins], found: Sequence[Any]) -> dict[str, Counts]:
    counts = {}
    for place, each in enumerate(bins):
        missing, not_finite, histogram = found[3 * place : 3 * place + 3]
        keys = range(1, len(each.values) + 1) if each.is_category else each.edges
        last = 0 if each.is_category else math.inf
        counts[each.column] = Counts(
            missing, not_finite, tuple((histogram or {}).get(key, 0) for key in (*keys, last))
        )
    return counts


def _counted(bins: Bins) -> tuple[str, str, str]:
    """SQL of the number of missing and of not finite rows, and of the rows by bin."""
    column = quoted(bins.column)
    missing = f"count(*) - count({column})"
    if bins.is_category:
        named = f"[{', '.join(map(literal, bins.values))}]::varchar[]"
        place = (
            f"case when {column} is not null then coalesce(list_position({named}, {column}::varchar), 0) end"
        )
        return missing, "0", f"histogram({place})"
    value = measure_sql(column, bins.kind)
    # repr of a float is read back as the same double
    edges = f"[{', '.join(map(repr, bins.edges))}]::double[]"
    return missing, f"count({column}) - count({value})", f"histogram({value}, {edges})"


def as_array(counts: Sequence[int]) -> NDArray:
    """Counts as floating-point numbers, shape `(bins,)`."""
    return np.asarray(counts, dtype=float)
