"""Questions about what the rows do not decide, each with the drafted answer as its default."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlops_assets.core.text.suggestions import suggest_name
from mlops_assets.scaffolding.column_profile import MAX_VALUES, ColumnProfile
from mlops_assets.scaffolding.formats.text_formats import FoundFormat
from mlops_assets.scaffolding.formats.time_formats import is_day_first
from mlops_assets.scaffolding.table_draft import TableDraft

_TARGET_NAME = re.compile(
    r"(?i)(^|_)(target|label|labels|y|class|outcome|response|churn(ed)?|survived|default(ed)?|diagnosis|"
    r"price|fraud|is_fraud|clicked|converted|quality|rating|salary)$"
)
_SHOWN = 8
"""Maximum number of candidates that a question lists."""
NONE = "-"
"""The answer for no column."""


@dataclass(frozen=True)
class Question:
    """A question.

    Attributes
    ----------
    text
        The question, without a question mark at its end.
    default
        The answer that is drafted without a terminal; empty if an answer is required.
    choices
        The valid answers; any if empty.
    several
        Whether the answer may be several choices, separated by commas, or `-` for none.
    shown
        The choices that are shown with the question.
    """

    text: str
    default: str = ""
    choices: tuple[str, ...] = ()
    several: bool = False
    shown: tuple[str, ...] = ()

    def error(self, answer: str) -> str:
        """What is wrong with an answer; empty if it is valid."""
        if not answer:
            return "an answer is required"
        for part in self.parts(answer):
            if self.choices and part not in self.choices:
                return f"{part!r} is none of the choices; {suggest_name(part, self.choices)}"
        return ""

    def parts(self, answer: str) -> list[str]:
        """The choices of an answer."""
        if not self.several:
            return [answer]
        return [] if answer == NONE else [part.strip() for part in answer.split(",")]


Ask = Callable[[Question], str]
"""Asks a question, and returns a valid answer."""


def ask_order(ask: Ask, found: FoundFormat) -> str:
    """The format of dates whose order of day and month no row decides."""
    options = (str(found.declared), *found.alternatives)
    of_order = {"day" if is_day_first(each) else "month": each for each in options}
    default = next(iter(of_order))
    text = f"{found.name} has dates such as {found.example}; which is first, the day or the month"
    return of_order[ask(Question(text, default, tuple(sorted(of_order)), shown=tuple(sorted(of_order))))]


def ask_target(ask: Ask, table: TableDraft) -> str:
    """The target column; the default is a column that is called like one, else the last candidate."""
    candidates = target_candidates(table)
    names = tuple(column.name for column in table.columns)
    default = candidates[0] if candidates else ""
    return ask(Question("Which column is the target", default, names, shown=tuple(candidates[:_SHOWN])))


def target_candidates(table: TableDraft) -> list[str]:
    """The columns that may be a target, most likely first."""
    possible = [column for column in table.columns if _may_be_target(table, column)]
    last_first = possible[::-1]
    return [
        column.name
        for column in sorted(last_first, key=lambda column: _TARGET_NAME.search(column.name) is None)
    ]


def _may_be_target(table: TableDraft, column: ColumnProfile) -> bool:
    """Whether there is something to predict: numbers, or few classes."""
    if column.distinct < 2 or table.is_id(column) or column.is_row_number or column.is_entity:
        return False
    if column.sql_type == "VARCHAR":
        return 0 < len(column.values) <= MAX_VALUES
    return column.sql_type not in ("DATE", "TIMESTAMP")


def ask_ids(ask: Ask, table: TableDraft, target: str) -> tuple[str, ...] | None:
    """The columns that identify a row and are no features; None if there is none to confirm."""
    found = [
        column.name
        for column in table.columns
        if column.name != target and (column.is_key or column.is_row_number or column.is_entity)
    ]
    if not found:
        return None
    names = tuple(column.name for column in table.columns if column.name != target)
    text = f"Which columns are ids and no features, separated by commas, or {NONE} for none"
    question = Question(text, ",".join(found), names, several=True)
    return tuple(question.parts(ask(question)))


def ask_event_log(ask: Ask, table: TableDraft) -> tuple[str, str] | None:
    """The time and the entity of a log of events; None if the table is none, or its rows are the entities."""
    times = [column.name for column in table.columns if column.sql_type in ("TIMESTAMP", "DATE")]
    entities = [column.name for column in table.columns if column.is_entity]
    if not times or not entities:
        return None
    text = (
        f"The rows look like a log of events, with the time {times[0]} and several rows for each "
        f"{entities[0]}. Draft an event project, which predicts for each {entities[0]} (yes), or predict a "
        "column of each row (no)"
    )
    named = any(_TARGET_NAME.search(column.name) for column in table.columns)
    if ask(Question(text, "no" if named else "yes", ("yes", "no"), shown=("yes", "no"))) == "no":
        return None
    return _one_of(ask, "time of an event", times), _one_of(ask, "entity", entities)


def ask_event_target(ask: Ask, table: TableDraft, entity: str) -> str:
    """The target of an event project; empty if it is that an entity has no rows in the horizon."""
    numbers = [column.name for column in table.columns if column.is_number]
    example = f"sum({numbers[0]})" if numbers else "count(*) >= 3"
    text = (
        f"What is predicted for each {entity}: an aggregate over its later rows, such as {example}, or "
        f"{NONE} for whether it has no later row"
    )
    answer = ask(Question(text, NONE))
    return "" if answer == NONE else answer


def _one_of(ask: Ask, what: str, names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    return ask(Question(f"Which column is the {what}", names[0], tuple(names), shown=tuple(names[:_SHOWN])))
