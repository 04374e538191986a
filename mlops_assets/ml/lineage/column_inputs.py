"""What a column depends on: columns of tables, directly or through conditions."""

from collections.abc import Iterable
from dataclasses import dataclass

Column = tuple[str, str]
"""Name of a table, and of one of its columns."""


@dataclass(frozen=True)
class ColumnInputs:
    """What an output column depends on.

    Attributes
    ----------
    direct
        Columns in its expression: its values are computed from theirs.
    indirect
        Columns in conditions of joins, filters, groups and orders: they decide which rows it is computed
        from.
    """

    direct: frozenset[Column] = frozenset()
    indirect: frozenset[Column] = frozenset()

    def __or__(self, other: "ColumnInputs") -> "ColumnInputs":
        return ColumnInputs(self.direct | other.direct, self.indirect | other.indirect)

    @property
    def all(self) -> frozenset[Column]:
        return self.direct | self.indirect


def union(found: Iterable[ColumnInputs]) -> ColumnInputs:
    """The inputs of several columns together."""
    direct: set[Column] = set()
    indirect: set[Column] = set()
    for one in found:
        direct |= one.direct
        indirect |= one.indirect
    return ColumnInputs(frozenset(direct), frozenset(indirect))
