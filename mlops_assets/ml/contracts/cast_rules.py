"""The rules that a source row breaks by its cast: a wrong type, a missing value, an infinity."""

from collections.abc import Iterator, Sequence

from mlops_assets.core.sql_quoting import literal, quoted
from mlops_assets.ml.contracts.columns import PANDAS_TYPES, Column, select_list


def rules_sql(columns: Sequence[Column], available: Sequence[str]) -> str:
    """An expression for the list of rules that a source row breaks.

    Parameters
    ----------
    available
        The columns that the source has.
    """
    rules = [f"case when {broken} then {rule} end" for broken, rule in _rules(columns, available)]
    return f"list_filter([{', '.join(rules)}]::varchar[], lambda rule: rule is not null)"


def _rules(columns: Sequence[Column], available: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Conditions on a source row, and the rule that it breaks where one holds, as SQL."""
    for column in columns:
        null = literal(f"{column.name}: not_nullable")
        if column.name not in available:
            if column.required and not column.nullable:
                yield "true", null
            continue
        value, was_null = column.cast_sql(), column.is_null_sql()
        wrong_type = literal(f"{column.name}: dtype({PANDAS_TYPES[column.sql_type]})")
        yield f"not {was_null} and {value} is null", wrong_type
        if not column.nullable:
            yield was_null, null
        if column.sql_type == "DOUBLE":
            yield f"isinf({value})", literal(f"{column.name}: finite")


def typed_sql(columns: Sequence[Column], available: Sequence[str]) -> str:
    """A select list that casts a source's columns, and keeps beside them what `broken_sql` looks at."""
    sources = (column for column in columns if column.name in available and _may_lack(column))
    kept = [f"{quoted(column.name)} as {_source_of(column)}" for column in sources]
    return ", ".join([select_list(columns, available), *kept])


def broken_sql(columns: Sequence[Column], available: Sequence[str]) -> str:
    """A condition, never null, for a row of `typed_sql` whose source breaks one of the rules.

    It casts nothing again, and looks at the source's value only where there is no typed one.
    """
    broken = []
    for column in columns:
        value = quoted(column.name)
        if column.name not in available:
            broken += ["true"] if column.required and not column.nullable else []
            continue
        if not column.nullable:
            broken.append(f"{value} is null")
        elif _may_lack(column):
            misspelt = f"not {column.is_null_sql(_source_of(column))}"
            broken.append(f"case when {value} is null then {misspelt} else false end")
        if column.sql_type == "DOUBLE":
            broken.append(f"isinf({value})")
    return f"coalesce({' or '.join(broken) or 'false'}, false)"


def _may_lack(column: Column) -> bool:
    """Whether there may be no typed value, though no rule is broken: then the source's value decides."""
    return column.nullable and column.sql_type != "VARCHAR"


def _source_of(column: Column) -> str:
    """What the source's value is called beside the typed one."""
    return quoted(f"source of {column.name}")
