"""Doubts about the split: times, repeated entities and event logs that a random split ignores."""

import re
from collections.abc import Sequence

import pandas as pd

from mlops_assets.ml.doubts.doubt import Doubt
from mlops_assets.ml.number_format import share_text

_BIRTH = re.compile(r"birth|born|\bdob\b", re.IGNORECASE)
_ENTITY = re.compile(
    r"(?i:(^|[_\W])(id|uuid|guid)$)|[a-z](ID|Id|UUID|GUID)$|"
    r"(?i:^(subject|patient|customer|client|user|member|account|player|student|pupil|household|device|machine|"
    r"vehicle|session|participant|respondent|person)([_\W]?(no|nr|number|key|code|name))?$)"
)
LEAST_TIMES = 10
"""Minimum number of distinct times of a column that orders rows."""
LEAST_ENTITIES = 10
REPEATED = 0.05
"""Minimum share of rows that share their entity with another row."""
EVENTS = 2.0
"""Minimum mean number of rows of an entity in an event log."""
_KNOWN = 0.5


def time_column(values: pd.Series, name: str) -> bool:
    """Whether a column orders rows by time: it has 10 times, in half of the rows, and is no birthday."""
    if not pd.api.types.is_datetime64_any_dtype(values) or _BIRTH.search(name):
        return False
    return bool(values.nunique() >= LEAST_TIMES and values.notna().mean() >= _KNOWN)


def entity_column(values: pd.Series, name: str) -> bool:
    """Whether a column identifies something with several rows.

    By its name it is an identifier, it has 10 values, and at least `REPEATED` of the rows share theirs.
    """
    if not _ENTITY.search(name):
        return False
    is_code = pd.api.types.is_object_dtype(values) or pd.api.types.is_string_dtype(values)
    known = values.dropna()
    whole = pd.api.types.is_numeric_dtype(known) and bool((known % 1 == 0).all()) if not is_code else False
    if not (is_code or whole) or known.nunique() < LEAST_ENTITIES:
        return False
    return _repeated(known) >= REPEATED * len(values)


def random_over_time(rows: pd.DataFrame, times: Sequence[str]) -> Doubt | None:
    """A doubt if rows with times are split at random."""
    if not times:
        return None
    name = times[0]
    first, last = rows[name].min(), rows[name].max()
    also = f" ({', '.join(times[1:])} too)" if times[1:] else ""
    return Doubt(
        (name,),
        f"{name} has times from {first:%Y-%m-%d} to {last:%Y-%m-%d}{also}, and the split is random",
        "if predictions are made for later rows than those of training, declare split: {method: time, "
        f"column: {name}}}",
    )


def repeated_entity(rows: pd.DataFrame, entities: Sequence[str]) -> Doubt | None:
    """A doubt if rows of one entity may be on both sides of the split."""
    if not entities:
        return None
    name = entities[0]
    count, distinct = _repeated(rows[name].dropna()), rows[name].nunique()
    return Doubt(
        (name,),
        f"{name} repeats: {count:,} of {len(rows):,} rows ({share_text(count / len(rows))}) share its value "
        f"with others, of {distinct:,} values, and rows of one may be in training and in holdout",
        f"declare split: {{method: group, group: [{name}]}}",
    )


def event_log(rows: pd.DataFrame, times: Sequence[str], entities: Sequence[str]) -> Doubt | None:
    """A doubt if rows look like events: entities have two rows or more on average, at different times."""
    for entity in entities:
        for time in times:
            known = rows[[entity, time]].dropna()
            counts = known.groupby(entity)[time].agg(["size", "nunique"])
            several = counts[counts["size"] > 1]
            if counts["size"].mean() >= EVENTS and (several["nunique"] > 1).mean() >= _KNOWN:
                return Doubt(
                    (entity, time),
                    f"the rows look like events: {entity} has {counts['size'].mean():.1f} rows on average, "
                    f"at different {time}",
                    "to predict what an entity does next, draft an event project: mlops new NAME --data FILE "
                    f"--time {time} --entity {entity}",
                )
    return None


def _repeated(known: pd.Series) -> int:
    """Number of rows that share their value with another row."""
    return int(known.duplicated(keep=False).sum())
