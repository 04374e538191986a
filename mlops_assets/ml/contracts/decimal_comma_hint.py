"""A hint about numbers with a decimal comma."""

from collections.abc import Iterable

import duckdb

from mlops_assets.core.names import BROKEN_RULES
from mlops_assets.core.sql_quoting import count_where, literal, quoted
from mlops_assets.ml.contracts.columns import Column

_COMMA = "[+-]?[0-9]+,[0-9]+"
_GROUPED = r"[+-]?[0-9]{1,3}([.][0-9]{3})+(,[0-9]+)?"


def comma_hint(columns: Iterable[Column], quarantine: duckdb.DuckDBPyRelation) -> str:
    """The settings to declare when at least half of the invalid numbers have a decimal comma.

    Parameters
    ----------
    columns
        Columns of the contract.
    quarantine
        Quarantined rows with their raw values and the rules that they violate.

    Returns
    -------
    A clause for a message; empty when fewer than half of the invalid numbers have a decimal comma.
    """
    wrong, commas, groups = 0, 0, 0
    for column in columns:
        numeric = column.sql_type in ("BIGINT", "DOUBLE")
        if not numeric or column.has_marks or column.name not in quarantine.columns:
            continue
        text = f"trim({quoted(column.name)}::varchar)"
        start = literal(f"{column.name}: dtype(")
        invalid = quarantine.filter(
            f"len(list_filter({BROKEN_RULES}, lambda rule: starts_with(rule, {start}))) > 0"
        )
        either = f"{_COMMA}|{_GROUPED}"
        counts = invalid.aggregate(
            "count(*), "
            f"{count_where(f'regexp_full_match({text}, {literal(either)})')}, "
            f"{count_where(f'regexp_full_match({text}, {literal(_GROUPED)})')}"
        ).fetchall()[0]
        wrong, commas, groups = (wrong + counts[0], commas + counts[1], groups + counts[2])
    if not commas or 2 * commas < wrong:
        return ""
    thousands = ' and csv.thousands: "."' if groups else ""
    return (
        f"{commas:,} of {wrong:,} invalid numbers have a decimal comma; if the file uses decimal commas, "
        f'declare csv.decimal: ","{thousands} for the table'
    )
