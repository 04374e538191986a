"""The performance of the rows that one version predicted, as rows of the report and as text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mlops_assets.components.model_project.monitoring.performance.estimates import estimate_partition
from mlops_assets.components.model_project.monitoring.performance.scored_partition import ScoredPartition
from mlops_assets.components.model_project.monitoring.performance.scored_version import ScoredVersion
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.ml.number_format import number

if TYPE_CHECKING:
    from mlops_assets.ml.monitoring.performance import Compared, Figure

Kind = Literal["measured", "estimated"]
KINDS: tuple[Kind, ...] = ("measured", "estimated")


@dataclass(frozen=True)
class VersionReport:
    """The figures of the rows that one version predicted.

    Attributes
    ----------
    labelled
        The number of rows whose target is known.
    notes
        Why there are no figures of a kind, or what limits them.
    is_live
        Whether the rows are logged requests.
    """

    version: ScoredVersion
    measured: "Sequence[Compared]"
    estimated: "Sequence[Compared]"
    labelled: int
    notes: "dict[Kind, str]"
    is_live: bool = False

    @classmethod
    def of(cls, version: ScoredVersion, scored: ScoredPartition, *, is_live: bool = False) -> "VersionReport":
        """Measure the rows whose targets are known, and estimate all."""
        from mlops_assets.ml.monitoring.performance import compare_with_registration, measure_performance

        labelled, foreign = scored.labelled(version)
        measured = measure_performance(version.measure, labelled) if len(labelled.truth) else []
        estimated, note = estimate_partition(version, scored)
        of_targets = f"{foreign:,} rows have a class that the version does not know" if foreign else ""
        if not len(labelled.truth):
            of_targets = _without_targets(scored.project)
        compared = [
            compare_with_registration(figures, version.registered, version.margins)
            for figures in (measured, estimated)
        ]
        notes: dict[Kind, str] = {"measured": of_targets, "estimated": note}
        return cls(version, compared[0], compared[1], len(labelled.truth), notes, is_live)

    def compared(self, kind: Kind) -> "Sequence[Compared]":
        """The figures of a kind."""
        return self.measured if kind == "measured" else self.estimated

    def rows(self) -> list[dict[str, object]]:
        """The rows of the table."""
        estimates = {each.figure.place: each.figure for each in self.estimated}
        found: list[dict[str, object]] = []
        for kind in KINDS:
            for each in self.compared(kind):
                figure, then = each.figure, each.registered
                notes = [self.notes[kind]]
                if kind == "measured" and figure.place in estimates:
                    notes.append(reconciled(figure, estimates[figure.place]))
                found.append(
                    {
                        "kind": f"live_{kind}" if self.is_live else kind,
                        "metric": figure.metric,
                        "slice_column": figure.slice_column,
                        "slice_value": figure.slice_value,
                        **_known(value=figure.value, low=figure.low, high=figure.high),
                        "rows": figure.rows,
                        **_known(
                            at_registration=then.value if then else None,
                            at_registration_low=then.low if then else None,
                            at_registration_high=then.high if then else None,
                        ),
                        "holds": each.holds,
                        "model_version": self.version.number,
                        "note": "; ".join(filter(None, notes)) or None,
                    }
                )
        return found

    def describe(self, kind: Kind) -> list[str]:
        """The figures that do not hold, in words; that of all rows if all hold."""
        bad = [each for each in self.compared(kind) if each.holds is False]
        texts = [_described(each) for each in bad] or [self._summary(kind)]
        return [f"{self._prefix}{text}" for text in texts]

    @property
    def _prefix(self) -> str:
        return "live requests: " if self.is_live else ""

    def _summary(self, kind: Kind) -> str:
        metric = self.version.measure.metric
        for each in self.compared(kind):
            if each.figure.place == (metric, None, None):
                figure, then = each.figure, each.registered
                before = f"; at registration {number(then.value)}" if then else ""
                note = f"; {self.notes[kind]}" if self.notes[kind] else ""
                if figure.value != figure.value:
                    return f"{metric} is undefined for these {figure.rows:,} rows{note}"
                interval = f"{number(figure.low)} to {number(figure.high)}"
                return f"{metric} {number(figure.value)} ({interval}){before}{note}"
        return self.notes[kind]


def reconciled(measured: "Figure", estimated: "Figure") -> str:
    """The estimate beside the truth, which is undefined for some metrics if all rows have one class."""
    text = f"estimated {number(estimated.value)}"
    if measured.value != measured.value:
        return f"{text}; the measured value is undefined"
    text += f", error {number(estimated.value - measured.value)}"
    if measured.value < estimated.low or measured.value > estimated.high:
        interval = f"{number(estimated.low)} to {number(estimated.high)}"
        text += f"; outside of the estimate's 95 % interval, {interval}: the concept may have changed"
    return text


def _without_targets(project: Project) -> str:
    if project.timeline is None and not project.settings.tables[project.table].key:
        return f"not measured: declare tables.{project.table}.key, by which targets that arrive are matched"
    return "not measured yet: no target has arrived"


def _known(**values: float | None) -> dict[str, float | None]:
    """Undefined values as null."""
    return {name: None if value is None or value != value else float(value) for name, value in values.items()}


def _described(compared: "Compared") -> str:
    figure, then = compared.figure, compared.registered
    where = f" of {figure.slice_column} {figure.slice_value}" if figure.slice_column else ""
    before = number(then.value) if then else "unknown"
    return (
        f"{figure.metric}{where} is {number(figure.value)} of {figure.rows:,} rows; at registration {before} "
        f"(adjusted p = {compared.p_adjusted:.2g})"
    )
