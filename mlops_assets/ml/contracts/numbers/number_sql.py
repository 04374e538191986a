"""The cast of source values to numbers and booleans, exact or not at all.

DuckDB's own casts accept `1_000` and `0x10`, round 3.5 and decimals to integers, and take every number except
0 for true. Here a text matches one grammar as a whole, and an integer never passes through a double.
"""

from mlops_assets.core.sql_quoting import literal

_EXACT = (
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT"),
    *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "BOOLEAN"),
)
"""Their cast to a number is exact or out of range, or for a double correctly rounded."""
_EXACT_TYPES = f"({', '.join(map(literal, _EXACT))})"
FLOATS = ("FLOAT", "DOUBLE")
_FLOATS = f"({', '.join(map(literal, FLOATS))})"
BLANKS = "[ \\t\\n\\v\\f\\r]*"
"""The blanks that DuckDB's casts of a text ignore at its ends, as a pattern."""
_INTEGER = f"{BLANKS}[+-]?[0-9]+{BLANKS}"
_WHOLE = f"{BLANKS}[+-]?[0-9]+[.]0*{BLANKS}"
_TRUE, _FALSE = "('true', 't', 'yes', 'y', '1')", "('false', 'f', 'no', 'n', '0')"
_TRUE_PATTERN = f"{BLANKS}((?i:true|t|yes|y)|1([.]0*)?){BLANKS}"
_FALSE_PATTERN = f"{BLANKS}((?i:false|f|no|n)|0([.]0*)?){BLANKS}"


def is_nan_sql(raw: str, kind: str | None = None) -> str:
    """Whether a floating-point value is NaN, which pandas writes for a missing value; never null.

    Parameters
    ----------
    kind
        The SQL type of the value if it is known, here and below: the expression is then a smaller one, which
        DuckDB plans several times faster.
    """
    is_nan = f"coalesce(isnan(try_cast({raw} as double)), false)"
    if kind is not None:
        return is_nan if kind in FLOATS else "false"
    return f"case when typeof({raw}) in {_FLOATS} then {is_nan} else false end"


def is_nan_text_sql(raw: str) -> str:
    """Whether the text of a value is `nan` in any case."""
    return f"regexp_full_match({raw}::varchar, {literal(f'{BLANKS}(?i:nan){BLANKS}')})"


def is_exact(kind: str | None) -> bool:
    """Whether each value of a type is exactly a number of SQL, which is no NaN."""
    return kind is not None and (kind in _EXACT or kind.startswith("DECIMAL"))


def integer_sql(raw: str, text: str | None = None, kind: str | None = None) -> str:
    """An expression for the 64-bit integer of a value of any type; null for what is not exactly an integer.

    A text is digits with an optional sign, and zeros after an optional point. A text with an exponent is not
    an integer: spreadsheets write it after they have dropped digits. A floating-point number is an integer
    below the limit up to which its type has every integer: 2^53, or 2^24 for 32 bits.

    Parameters
    ----------
    raw
        The value, in SQL.
    text
        The text with the marks of SQL; by default the text of the value.
    """
    usual = "" if text else when_usual_text_sql(raw, "bigint")
    text, number = text or as_text_sql(raw, kind), f"try_cast({raw} as double)"
    limit = f"case typeof({raw}) when 'FLOAT' then {2**24} else {2**53} end"
    from_float = (
        f"case when abs({number}) < {limit} and {number} = trunc({number}) "
        f"then try_cast({number} as bigint) end"
    )
    of_text = (
        f"{usual}when regexp_full_match({text}, {literal(_INTEGER)}) then try_cast({text} as bigint) "
        f"when regexp_full_match({text}, {literal(_WHOLE)}) "
        f"then try_cast(split_part({text}, '.', 1) as bigint) end"
    )
    if kind in _EXACT:
        return f"try_cast({raw} as bigint)"
    if kind is not None:
        return from_float if kind in FLOATS else f"case {of_text}"
    return (
        f"case when typeof({raw}) in {_EXACT_TYPES} then try_cast({raw} as bigint) "
        f"when typeof({raw}) in {_FLOATS} then {from_float} {of_text}"
    )


def when_usual_text_sql(raw: str, kind: str, condition: str = "true") -> str:
    """A branch of a case for a text that is just as DuckDB writes its value, which no pattern has to match.

    Parameters
    ----------
    condition
        A condition on the value, `{0}`.
    """
    value = f"try_cast({raw} as {kind})"
    is_usual = f"typeof({raw}) = 'VARCHAR' and {value}::varchar = {raw}::varchar"
    return f"when {is_usual} and {condition.format(value)} then {value} "


def double_sql(raw: str, text: str | None = None, kind: str | None = None) -> str:
    """An expression for the double nearest to a value of any type; null for NaN and what is not a number.

    A text is a decimal number with an optional sign and exponent, or `inf` or `infinity` in any case: what
    DuckDB's cast accepts, without underscores. Integers of more than 64 bits are read from their text,
    because DuckDB's cast of a HUGEINT misses the nearest double at times; that of a decimal does not.

    Parameters
    ----------
    raw, text, kind
        As in `integer_sql`.
    """
    text, number = text or as_text_sql(raw, kind), raw if kind == "DOUBLE" else f"try_cast({raw} as double)"
    from_text = f"try_cast({text} as double)"
    from_float = f"case when not isnan({number}) then {number} end"
    of_text = f"when not contains({text}, '_') and not isnan({from_text}) then {from_text} end"
    if is_exact(kind):
        return number
    if kind is not None:
        return from_float if kind in FLOATS else f"case {of_text}"
    exact = f"typeof({raw}) in {_EXACT_TYPES} or starts_with(typeof({raw}), 'DECIMAL')"
    return f"case when {exact} then {number} when typeof({raw}) in {_FLOATS} then {from_float} {of_text}"


def boolean_sql(raw: str, kind: str | None = None) -> str:
    """An expression for the boolean of a value of any type; null for what is not a boolean.

    `true`, `t`, `yes`, `y`, and `false`, `f`, `no`, `n` in any case; the numbers 1 and 0, as text also `1.0`.

    Parameters
    ----------
    raw
        The value, in SQL.
    """
    text, of_boolean = as_text_sql(raw, kind), f"try_cast({raw} as boolean)"
    from_float = f"case try_cast({raw} as double) when 1 then true when 0 then false end"
    of_text = (
        f"when lower({text}) in {_TRUE} then true when lower({text}) in {_FALSE} then false "
        f"when regexp_full_match({text}, {literal(_TRUE_PATTERN)}) then true "
        f"when regexp_full_match({text}, {literal(_FALSE_PATTERN)}) then false end"
    )
    if kind == "BOOLEAN":
        return of_boolean
    if kind is not None:
        return from_float if kind in FLOATS else f"case {of_text}"
    return (
        f"case when typeof({raw}) = 'BOOLEAN' then {of_boolean} "
        f"when typeof({raw}) in {_FLOATS} then {from_float} {of_text}"
    )


def as_text_sql(raw: str, kind: str | None = None) -> str:
    """The text of a value."""
    return raw if kind == "VARCHAR" else f"{raw}::varchar"
