"""Rules of retraining: from reports, trainings and labels to a decision with its reason and evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Any, Literal

Rule = Literal["schedule", "drift", "performance", "new_data"]
Kind = Literal["drift", "target_drift", "estimated", "measured"]


@dataclass(frozen=True)
class Rules:
    """The declared rules.

    Attributes
    ----------
    needed, newest
        Evidence in `needed` of the `newest` reports since the last training is required.
    cooldown
        Minimum number of partitions from one trained cut-off to the next.
    new_data
        Number of new labelled cut-offs, or without cut-offs of new rows, that `new_data` requires.
    """

    when: Sequence[Rule]
    needed: int = 2
    newest: int = 3
    cooldown: int = 0
    new_data: int = 1


@dataclass(frozen=True)
class Report:
    """What a monitoring report says about one partition.

    Attributes
    ----------
    partition
        The partition of the predictions; empty without partitions.
    known
        The partition whose arrival completed the report: that of the predictions itself, or for the target
        and measured performance the last one of the horizon.
    failed
        Whether there is drift, or performance is lost.
    version
        The model version that the report is about; None if unknown.
    figures
        The figures that failed, for the evidence.
    """

    kind: Kind
    partition: str
    known: str
    failed: bool
    version: int | None = None
    figures: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Tick:
    """A tick of the schedule that found the model of a cut-off out of date.

    Attributes
    ----------
    at
        The scheduled time, as text.
    cutoff
        The cut-off to train; None without cut-offs.
    """

    at: str
    cutoff: str | None


@dataclass(frozen=True)
class History:
    """What is known when a decision is made.

    Attributes
    ----------
    events
        Whether models have cut-offs. Otherwise a model is trained on all rows.
    candidate
        The newest labelled cut-off; None if there is none.
    trained
        The newest cut-off that was trained, whether the version was promoted or rejected; None if there is
        none.
    is_new
        Whether the candidate, or without cut-offs the rows, were never trained on.
    is_first
        Whether nothing was trained before.
    new_data
        Number of labelled cut-offs, or without cut-offs of rows, since the last training.
    gap
        Number of partitions from `trained` to `candidate`.
    champion
        The version of the champion; None if there is none.
    next
        What the next training requires, as a clause, such as "the next labelled cut-off is 2025-04, expected
        after 2025-04-30".
    reports
        All reports, in any order.
    tick
        A tick of the schedule that has not led to a training yet.
    """

    events: bool = True
    candidate: str | None = None
    trained: str | None = None
    is_new: bool = False
    is_first: bool = False
    new_data: int = 0
    gap: int = 0
    champion: int | None = None
    next: str = ""
    reports: Sequence[Report] = ()
    tick: Tick | None = None


@dataclass(frozen=True)
class Decision:
    """Whether to train, and why.

    Attributes
    ----------
    cutoff
        The cut-off to train; None to keep the model, and in a project without cut-offs.
    rules
        The rules with enough evidence, also if nothing can be trained.
    evidence
        By rule, what it has found.
    """

    train: bool
    reason: str
    cutoff: str | None = None
    rules: Sequence[Rule] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return "train" if self.train else "keep"


@dataclass(frozen=True)
class _Finding:
    """What a rule has found."""

    rule: Rule
    triggered: bool
    text: str
    evidence: Mapping[str, Any]


def decide(rules: Rules, history: History) -> Decision:
    """Decide whether to train.

    Evidence has hysteresis: it counts if it became known after the last trained cut-off, and is about the
    current champion. So a training uses it up, whether its version was promoted or rejected, and a condition
    that lasts starts the next training only after as much new evidence. Evidence that nothing can be trained
    on yet waits for the next labelled cut-off, unless newer reports clear it before.
    """
    findings = [_EVALUATE[rule](rules, history) for rule in rules.when]
    triggered = [found for found in findings if found.triggered]
    evidence: dict[str, Any] = {found.rule: dict(found.evidence) for found in findings}
    names = tuple(found.rule for found in triggered)
    if not triggered:
        return Decision(False, "; ".join(found.text for found in findings), evidence=evidence)
    because = "; ".join(found.text for found in triggered)
    if obstacle := _obstacle(rules, history, names):
        return Decision(False, f"{because}. Not trained: {obstacle}", rules=names, evidence=evidence)
    what = f"cut-off {history.candidate}" if history.events else "the rows of today"
    return Decision(True, f"{because}. Trains {what}", history.candidate, names, evidence)


def _obstacle(rules: Rules, history: History, triggered: Sequence[Rule]) -> str | None:
    """Why nothing can be trained now; None if something can."""
    if history.events and history.candidate is None:
        return f"no cut-off is labelled yet; {history.next}"
    if not history.is_new and "schedule" not in triggered:
        if history.events:
            return f"cut-off {history.trained} is trained already; {history.next}"
        return "the rows have not changed since the last training; new rows or labels are required"
    if history.is_new and history.trained is not None and history.gap < rules.cooldown:
        return (
            f"cooldown of {_count(rules.cooldown, 'partition')}: cut-off {history.candidate} is "
            f"{history.gap} after {history.trained}, the last trained one"
        )
    return None


def _drift(rules: Rules, history: History) -> _Finding:
    """Drift of features and predictions, or of the target: each has its own series of reports."""
    inputs = _m_of_n("drift", "drift", rules, history, _counted(history, "drift"))
    target = _m_of_n("drift", "drift of the target", rules, history, _counted(history, "target_drift"))
    if not target.evidence["failed"]:
        return inputs
    if target.triggered and not inputs.triggered:
        return target
    evidence = {**inputs.evidence, "failed": [*inputs.evidence["failed"], *target.evidence["failed"]]}
    text = f"{inputs.text}; {target.text.removeprefix('drift: ')}"
    return _Finding("drift", inputs.triggered, text, evidence)


def _performance(rules: Rules, history: History) -> _Finding:
    """A measured loss counts at once; estimates count until the truth of their partition is known."""
    measured = _counted(history, "measured")
    known = {report.partition for report in measured}
    estimated = [report for report in _counted(history, "estimated") if report.partition not in known]
    lost = [report for report in measured[-rules.newest :] if report.failed]
    if lost:
        text = f"performance: measured loss in {_partitions(lost)}"
        return _Finding("performance", True, text, {"measured": list(map(_entry, lost))})
    found = _m_of_n("performance", "an estimated loss", rules, history, estimated)
    held = f", measured performance holds in {_count(len(measured), 'report')}" if measured else ""
    return _Finding("performance", found.triggered, found.text + held, found.evidence)


def _m_of_n(rule: Rule, what: str, rules: Rules, history: History, reports: Sequence[Report]) -> _Finding:
    reports = reports[-rules.newest :]
    failed = [report for report in reports if report.failed]
    since = f" since cut-off {history.trained}" if history.trained else ""
    required = f"{rules.needed} of {rules.newest} are required"
    evidence = {"reports": len(reports), "failed": list(map(_entry, failed))}
    if not reports:
        return _Finding(rule, False, f"{rule}: no report of the champion{since}", evidence)
    where = f" ({_partitions(failed)})" if failed else ""
    text = f"{rule}: {what} in {len(failed)} of {_count(len(reports), 'report')}{since}{where}, {required}"
    return _Finding(rule, len(failed) >= rules.needed, text, evidence)


def _new_data(rules: Rules, history: History) -> _Finding:
    """Labels since the last training; those of one cut-off suffice for the first model."""
    noun = "labelled cut-off" if history.events else "row"
    since = f" since cut-off {history.trained}" if history.trained else " since the last training"
    if not history.events and not history.is_new:
        return _Finding("new_data", False, "new_data: the rows have not changed", {"new": 0})
    found = history.new_data
    if history.is_first and found:
        text = f"new_data: {_count(found, noun)}, and no model yet"
        return _Finding("new_data", True, text, {"new": found, "newest": history.candidate})
    required = f", {rules.new_data:,} required" if rules.new_data > 1 else ""
    more = f"; {history.next}" if not found and history.next else ""
    text = f"new_data: {_count(found, noun)}{since}{required}{more}"
    return _Finding("new_data", found >= rules.new_data, text, {"new": found, "newest": history.candidate})


def _schedule(_: Rules, history: History) -> _Finding:
    tick = history.tick
    if tick is None:
        return _Finding("schedule", False, "schedule: no tick since the last training", {})
    return _Finding("schedule", True, f"schedule: tick of {tick.at}", {"tick": tick.at})


_EVALUATE = {"schedule": _schedule, "drift": _drift, "performance": _performance, "new_data": _new_data}


def _counted(history: History, kind: Kind) -> list[Report]:
    """The reports of a kind that count, one for each partition, in the order in which they became known."""
    chosen = (
        report
        for report in history.reports
        if report.kind == kind
        and (history.trained is None or not history.events or report.known > history.trained)
        and (report.version is None or report.version == history.champion)
    )
    ordered = sorted(chosen, key=attrgetter("known", "partition"))
    return [list(same)[-1] for _, same in groupby(ordered, key=attrgetter("known", "partition"))]


def _entry(report: Report) -> dict[str, Any]:
    return {
        **({"partition": report.partition} if report.partition else {}),
        "version": report.version,
        "figures": [dict(figure) for figure in report.figures],
    }


def _partitions(reports: Sequence[Report]) -> str:
    """The partitions of reports, with the names of the first figures of each."""
    return ", ".join(filter(None, map(_described, reports)))


def _described(report: Report) -> str:
    named = [str(figure["name"]) for figure in report.figures]
    more = f" and {len(named) - 2} more" if len(named) > 2 else ""
    what = ", ".join(named[:2]) + more
    return ": ".join(filter(None, [report.partition, what]))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
