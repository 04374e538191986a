"""The cast of source values to timestamps and dates in UTC, which reads a text as a whole or not at all.

DuckDB's own cast of a text to TIMESTAMP ignores whatever follows the time of day, such as PM, an offset or a
zone's name, and it has no cast from TIMESTAMPTZ_NS, the type of zoned times that pandas writes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mlops_assets.core.sql_quoting import literal
from mlops_assets.ml.contracts.column_format import EPOCHS, has_offset, has_time_of_day

_Cast = Callable[[str], str]
UTC_ZONE = "UTC"
Ambiguous = Literal["quarantine", "earlier", "later"]
"""What becomes of a time of day that a clock shows twice, because it was set back."""


@dataclass(frozen=True)
class TimeText:
    """How the times of a column are written.

    Attributes
    ----------
    zone
        The zone of times without an offset or a zone.
    format
        The format of texts, see `ColumnFormat`; empty for those of ISO.
    """

    zone: str = UTC_ZONE
    format: str = ""

    @property
    def declared(self) -> list[str]:
        """What differs from the default, for digests."""
        return [*([self.zone] if self.zone != UTC_ZONE else []), *([self.format] if self.format else [])]


ISO_IN_UTC = TimeText()
_DATE = "[0-9]{4,}[-/][0-9]{1,2}[-/][0-9]{1,2}"
_TIME = "[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?"
_PLAIN = f"{_DATE}([ T]{_TIME})?"
_OFFSET = "[+-](0[0-9]|1[0-5])(:?[0-5][0-9])?"
_ZONED = f"{_DATE}[ T]{_TIME} ?(Z|UTC|GMT|{_OFFSET}|[A-Z][A-Za-z_]+(/[A-Z][A-Za-z_-]+)+)"
"""No abbreviations: BST, CST or IST is the name of several zones, and ICU resolves it to one of them."""
_TWELVE_HOURS = f"{_DATE}[ T]{_TIME} ?[AaPp][Mm]"
_TWELVE_HOUR_FORMATS = "['%Y-%m-%d %I:%M:%S %p', '%Y-%m-%d %I:%M %p', '%Y-%m-%d %I:%M:%S.%f %p']"
_BEFORE, _AFTER = "k[1]", "k[2]"
_SHOWN_BEFORE, _SHOWN_AFTER = "({0})", "({1})"
_SHOWN_TWICE = f"({_SHOWN_BEFORE} and {_SHOWN_AFTER})"
"""Parts of an expression over the candidates of `_candidates_sql`."""
_WRITTEN_TYPES = "^(VARCHAR|ENUM|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$|FLOAT|DOUBLE|DECIMAL)"
"""Types of values that a declared format reads: texts, and numbers such as 20240131."""
_FRACTIONS = "^(FLOAT|DOUBLE|DECIMAL)"
_NUMBER = "[+-]?[0-9]+([.][0-9]*)?([eE][+-]?[0-9]+)?"
_EXACT_TYPES = "('TIMESTAMP', 'TIMESTAMP_MS', 'TIMESTAMP_S', 'DATE')"
"""Their cast is exact; that of TIMESTAMP_NS rounds, where that of a text truncates."""


def timestamp_sql(
    raw: str, zone: str = UTC_ZONE, ambiguous: Ambiguous = "quarantine", written: str = ""
) -> str:
    """An expression for the timestamp in UTC of a value of any type; null for what is not a timestamp.

    A text is an ISO date, with an optional time of day that may have AM or PM, an offset, or the name of a
    zone such as `Europe/Berlin`.

    Parameters
    ----------
    raw
        The value, in SQL.
    zone
        The zone of values without an offset or a zone. A time of day that its clocks skipped, when they were
        set forward, is not valid.
    ambiguous
        What becomes of a time of day that they show twice: it is not valid, or it is the earlier or the later
        timestamp.
    written
        The format of times in text, see `ColumnFormat`; then no other text is a timestamp.
    """
    if zone == UTC_ZONE:
        return _cast_sql(raw, written=written)
    chosen = {
        "quarantine": "null",
        "earlier": f"least({_BEFORE}, {_AFTER})",
        "later": f"greatest({_BEFORE}, {_AFTER})",
    }
    found = (
        f"case when {_BEFORE} = {_AFTER} then {_BEFORE} when {_SHOWN_TWICE} then {chosen[ambiguous]} "
        f"when {_SHOWN_BEFORE} then {_BEFORE} when {_SHOWN_AFTER} then {_AFTER} end"
    )
    return _cast_sql(raw, lambda clock: _candidates_sql(clock, zone, found), written=written)


def date_sql(raw: str, zone: str = UTC_ZONE, written: str = "") -> str:
    """An expression for the date of a value of any type; null if its time of day is not midnight.

    Parameters
    ----------
    raw, zone, written
        As in `timestamp_sql`. The date of a value with an offset or a zone is that in `zone`.
    """
    timestamp = _cast_sql(raw, zone=zone, written=written)
    return (
        f"case when typeof({raw}) = 'DATE' then try_cast({raw} as date) "
        f"when {timestamp} = date_trunc('day', {timestamp}) then try_cast({timestamp} as date) end"
    )


def arrival_sql(raw: str, text: TimeText = ISO_IN_UTC) -> str:
    """An expression for the timestamp in UTC that assigns a row to a partition; null for an invalid one.

    As `timestamp_sql`, but a date without a time of day is the day itself in every zone, a time of day that
    occurs twice is the earlier timestamp, and a skipped one is read with the offset before the change: a row
    that the contract rejects belongs to its own period.
    """
    zone, written = text.zone, text.format
    if zone == UTC_ZONE or (written and not has_time_of_day(written)):
        return timestamp_sql(raw, written=written)
    is_date = f"typeof({raw}) = 'DATE'"
    if not written:
        is_date += f" or regexp_full_match(trim({raw}::varchar), {literal(_DATE)})"
    local = _cast_sql(raw, lambda clock: _candidates_sql(clock, zone, _BEFORE), written=written)
    return f"case when {is_date} then {timestamp_sql(raw)} else {local} end"


def clock_change_sql(raw: str, zone: str, written: str = "") -> str:
    """Why a time of day has no timestamp in a zone: `ambiguous`, `skipped`, or null for another reason."""
    if zone == UTC_ZONE:
        return "null"
    found = (
        f"case when {_BEFORE} = {_AFTER} then null when {_SHOWN_TWICE} then 'ambiguous' "
        f"when not {_SHOWN_BEFORE} and not {_SHOWN_AFTER} then 'skipped' end"
    )
    return _cast_sql(
        raw, lambda clock: _candidates_sql(clock, zone, found), lambda _: "null", written=written
    )


def _cast_sql(
    raw: str,
    clock: _Cast = lambda time: time,
    zoned: _Cast | None = None,
    *,
    zone: str = UTC_ZONE,
    written: str = "",
) -> str:
    """A case for each spelling of a time.

    Parameters
    ----------
    clock
        The result for the TIMESTAMP of a value without an offset or a zone.
    zoned
        The result for the TIMESTAMPTZ of a value with one; by default its time of day in `zone`.
    written
        The format of texts and numbers; by default those of ISO, with variants.
    """
    zoned = zoned or (lambda time: f"timezone({literal(zone)}, {time})")
    text = f"trim({raw}::varchar)"
    offset_attached = f"regexp_replace({text}, ' ([+-])', '\\1')"
    marked = f"regexp_replace(replace(replace(upper({text}), '/', '-'), 'T', ' '), ' ?([AP]M)$', ' \\1')"
    formatted = ""
    if written:
        # 20240131 is 20240131.0 in a column of fractions, such as one of pandas with a missing value.
        whole = f"regexp_replace({text}, '[.]0+$', '')"
        digits = (
            f"case when regexp_matches(typeof({raw}), {literal(_FRACTIONS)}) then {whole} else {text} end"
        )
        read = (zoned if written in EPOCHS or has_offset(written) else clock)(_written_sql(digits, written))
        formatted = f"when regexp_matches(typeof({raw}), {literal(_WRITTEN_TYPES)}) then {read} "
    return (
        f"case {formatted}when typeof({raw}) in {_EXACT_TYPES} then {clock(f'try_cast({raw} as timestamp)')} "
        f"when typeof({raw}) = 'TIMESTAMP WITH TIME ZONE' then {zoned(f'try_cast({raw} as timestamptz)')} "
        f"when regexp_full_match({text}, {literal(_PLAIN)}) then {clock(f'try_cast({text} as timestamp)')} "
        f"when regexp_full_match({text}, {literal(_TWELVE_HOURS)}) "
        f"then {clock(f'try_strptime({marked}, {_TWELVE_HOUR_FORMATS})')} "
        f"when regexp_full_match({text}, {literal(_ZONED)}) "
        f"then {zoned(f'try_cast({offset_attached} as timestamptz)')} end"
    )


def _written_sql(text: str, written: str) -> str:
    """An expression for the time of a text in a declared format: a TIMESTAMPTZ if it states its offset.

    Digits beyond microseconds are dropped. DuckDB takes 24 for the year 24 where `%Y` is declared: such a
    text is not in the format.
    """
    if written in EPOCHS:
        number = f"case when regexp_full_match({text}, {literal(_NUMBER)}) then {text} end"
        micros = f"try_cast({number} as decimal(28, 9)) * {EPOCHS[written]}"
        return f"timezone('UTC', try(make_timestamp(floor({micros})::bigint)))"
    time = f"try_strptime({text}, {literal(written)})"
    return f"case when year({time}) >= 1000 then {time} end"


def _candidates_sql(clock: str, zone: str, found: str) -> str:
    """An expression over the two timestamps in UTC at which the clocks of a zone may show a time.

    They are the time read with the offsets of the zone one day before and one day after it, and differ only
    near a change of the clocks. A candidate counts if the clocks show the time at it.

    Parameters
    ----------
    clock
        The TIMESTAMP that the clocks show.
    found
        The expression, of `_BEFORE` and `_AFTER`, the candidates, and what the clocks show at them.
    """
    name = literal(zone)
    candidates, shown = [], []
    for near in ("(c - interval 1 day)", "(c + interval 1 day)"):
        candidates.append(f"c - (timezone({name}, timezone('UTC', {near})) - {near})")
    for place in (1, 2):
        shown.append(f"timezone({name}, timezone('UTC', k[{place}])) = c")
    is_valid = "coalesce(year(c) between 1 and 9999, false)"  # no sum overflows
    return (
        f"list_transform([{clock}], lambda c: case when {is_valid} then "
        f"list_transform([[{', '.join(candidates)}]], lambda k: {found.format(*shown)})[1] end)[1]"
    )
