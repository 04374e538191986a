"""The cast of source values to timestamps and dates in UTC, which reads a text as a whole or not at all.

DuckDB's own cast of a text to TIMESTAMP ignores whatever follows the time of day, such as PM, an offset or a
zone's name, and it has no cast from TIMESTAMPTZ_NS, the type of zoned times that pandas writes.
"""

from mlops_assets.core.sql_quoting import literal

_DATE = "[0-9]{4,}[-/][0-9]{1,2}[-/][0-9]{1,2}"
_TIME = "[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?"
_PLAIN = f"{_DATE}([ T]{_TIME})?"
_OFFSET = "[+-](0[0-9]|1[0-5])(:?[0-5][0-9])?"
_ZONED = f"{_DATE}[ T]{_TIME} ?(Z|UTC|GMT|{_OFFSET}|[A-Z][A-Za-z_]+(/[A-Z][A-Za-z_-]+)+)"
"""No abbreviations: BST, CST or IST is the name of several zones, and ICU resolves it to one of them."""
_TWELVE_HOURS = f"{_DATE}[ T]{_TIME} ?[AaPp][Mm]"
_TWELVE_HOUR_FORMATS = "['%Y-%m-%d %I:%M:%S %p', '%Y-%m-%d %I:%M %p', '%Y-%m-%d %I:%M:%S.%f %p']"
_EXACT_TYPES = "('TIMESTAMP', 'TIMESTAMP_MS', 'TIMESTAMP_S', 'DATE')"
"""Their cast is exact; that of TIMESTAMP_NS rounds, where that of a text truncates."""


def timestamp_sql(raw: str) -> str:
    """An expression for the timestamp in UTC of a value of any type; null for what is not a timestamp.

    A text is an ISO date, with an optional time of day that may have AM or PM, an offset, or the name of a
    zone such as `Europe/Berlin`. A value without a zone is taken as UTC.

    Parameters
    ----------
    raw
        The value, in SQL.
    """
    text = f"trim({raw}::varchar)"
    offset_attached = f"regexp_replace({text}, ' ([+-])', '\\1')"
    marked = f"regexp_replace(replace(replace(upper({text}), '/', '-'), 'T', ' '), ' ?([AP]M)$', ' \\1')"
    return (
        f"case when typeof({raw}) in {_EXACT_TYPES} then try_cast({raw} as timestamp) "
        f"when typeof({raw}) = 'TIMESTAMP WITH TIME ZONE' "
        f"then timezone('UTC', try_cast({raw} as timestamptz)) "
        f"when regexp_full_match({text}, {literal(_PLAIN)}) then try_cast({text} as timestamp) "
        f"when regexp_full_match({text}, {literal(_TWELVE_HOURS)}) "
        f"then try_strptime({marked}, {_TWELVE_HOUR_FORMATS}) "
        f"when regexp_full_match({text}, {literal(_ZONED)}) "
        f"then timezone('UTC', try_cast({offset_attached} as timestamptz)) end"
    )


def date_sql(raw: str) -> str:
    """An expression for the date in UTC of a value of any type; null if its time of day is not midnight."""
    timestamp = timestamp_sql(raw)
    return (
        f"case when typeof({raw}) = 'DATE' then try_cast({raw} as date) "
        f"when {timestamp} = date_trunc('day', {timestamp}) then try_cast({timestamp} as date) end"
    )
