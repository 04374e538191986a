"""Rules that the cast of a source row can violate: a wrong type, a missing value, an infinity."""

from collections.abc import Iterator, Sequence

from mlops_assets.core.sql_quoting import literal, quoted
from mlops_assets.ml.contracts.columns import Available, Column, kind_of, select_list


def rules_sql(columns: Sequence[Column], available: Available) -> str:
    """An expression for the list of rules that a source row violates.

    Parameters
    ----------
    available
        Columns of the source.
    """
    rules = [f"case when {broken} then {rule} end" for broken, rule in _rules(columns, available)]
    return f"list_filter([{', '.join(rules)}]::varchar[], lambda rule: rule is not null)"


def _rules(columns: Sequence[Column], available: Available) -> Iterator[tuple[str, str]]:
    """SQL conditions on a source row, each with the rule that the row violates when the condition holds."""
    for column in columns:
        null = literal(column.null_rule)
        if column.name not in available:
            if column.required and not column.nullable:
                yield "true", null
            continue
        kind = kind_of(available, column)
        value, was_null = column.cast_sql(kind), column.is_null_sql(kind=kind)
        wrong_type = literal(column.type_rule)
        if (change := column.clock_change_sql()) != "null":
            in_zone = literal(f"({column.time_zone})")
            wrong_type = f"coalesce({literal(f'{column.name}: ')} || {change} || {in_zone}, {wrong_type})"
        yield f"not {was_null} and {value} is null", wrong_type
        if not column.nullable:
            yield was_null, null
        if column.sql_type == "DOUBLE":
            yield f"isinf({value})", literal(f"{column.name}: finite")


def typed_sql(columns: Sequence[Column], available: Available) -> str:
    """A select list that casts a source's columns and keeps the source values that `broken_sql` reads."""
    sources = (column for column in columns if column.name in available and _may_lack(column, available))
    kept = [f"{quoted(column.name)} as {_source_of(column)}" for column in sources]
    return ", ".join([select_list(columns, available), *kept])


def broken_sql(columns: Sequence[Column], available: Available) -> str:
    """A condition, never null, that is true for a row of `typed_sql` whose source violates a rule.

    Nothing is cast again: the source value is read only where the typed value is missing.
    """
    broken = []
    for column in columns:
        value = quoted(column.name)
        if column.name not in available:
            broken += ["true"] if column.required and not column.nullable else []
            continue
        if not column.nullable:
            broken.append(f"{value} is null")
        elif _may_lack(column, available):
            not_castable = f"not {column.is_null_sql(_source_of(column), kind_of(available, column))}"
            broken.append(f"case when {value} is null then {not_castable} else false end")
        if column.sql_type == "DOUBLE":
            broken.append(f"isinf({value})")
    return f"coalesce({' or '.join(broken) or 'false'}, false)"


def _may_lack(column: Column, available: Available) -> bool:
    """Whether a missing typed value may be valid or not: then the source value decides."""
    return column.nullable and not column.always_casts(kind_of(available, column))


def _source_of(column: Column) -> str:
    """The name of the column that keeps the source value."""
    return quoted(f"source of {column.name}")
