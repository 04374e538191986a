"""The comparison of a partition with the training rows of its model, and with the partition before."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_assets.components.model_project.evaluation.drift_reference import as_compared, score_column
from mlops_assets.components.model_project.monitoring.drift.evidently_page import evidently_metadata
from mlops_assets.components.model_project.monitoring.drift.scored_rows import feature_rows, has_rows
from mlops_assets.components.model_project.monitoring.drift.scoring_model import ScoringModel
from mlops_assets.components.model_project.monitoring.report import ReportRun
from mlops_assets.core import names
from mlops_assets.core.sql_quoting import quoted, quoted_list

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from mlops_assets.ml.monitoring.drift.evaluation import ColumnDrift, Reference
    from mlops_assets.ml.monitoring.drift.histograms import Bins, Counts, Histograms

GONE = "the training rows of version {} no longer exist, and no reference was kept with the model"


@dataclass(frozen=True)
class PartitionRows:
    """Counts and a sample of the features of a partition, and counts of its predictions and target."""

    rows: int
    features: "Mapping[str, Counts]"
    sample: "pd.DataFrame | None"
    prediction: "Mapping[str, Counts]"
    target: "Mapping[str, Counts]"


class PartitionComparer:
    """Compares partitions that one version scored; the partition before is counted once."""

    def __init__(self, run: ReportRun, scoring: ScoringModel) -> None:
        self.run = run
        self.scoring = scoring
        self._counted: dict[str | None, PartitionRows] = {}

    def compare(self, partition: str | None, before: str | None) -> "list[ColumnDrift]":
        """All comparisons of a partition, with the decision on each.

        Parameters
        ----------
        before
            The partition before; None if there is none.
        """
        reference = self.scoring.reference
        if reference is None:
            return [self._unknown()]
        current = self._read(partition)
        found = self._against("training", current, self._training(), self.scoring.training_sample)
        if before is not None and has_rows(self.run, before):
            previous = self._read(before)
            sides = {
                "feature": self._as_reference(reference.features, previous.features, previous.rows),
                "prediction": self._as_reference(reference.prediction, previous.prediction, previous.rows),
                "target": self._as_reference(reference.target, previous.target, previous.rows),
            }
            found += self._against("previous", current, sides, previous.sample)
        return found

    def compare_live(self, current: PartitionRows) -> "list[ColumnDrift]":
        """All comparisons of logged requests with the training rows, with the decision on each."""
        return self._against("live", current, self._training(), self.scoring.training_sample)

    def distribution(self, partition: str | None, column: str) -> "tuple[Bins, Counts, Counts] | None":
        """The bins of a feature, its counts in the training rows and in a partition."""
        reference = self.scoring.reference
        if reference is None or column not in reference.features.bins:
            return None
        now = self._read(partition).features[column]
        return reference.features.bins[column], reference.features.counts[column], now

    def evidently_metadata(self, partition: str | None) -> "dict[str, Any]":
        """Evidently's page on the samples of the training rows and of a partition, if it is wanted."""
        if not self.run.project.settings.monitoring.drift.evidently or self.scoring.reference is None:
            return {}
        reference, current = self.scoring.training_sample, self._read(partition).sample
        assert current is not None
        return evidently_metadata(self.run, reference, current, self.scoring.features, partition)

    def _training(self) -> "dict[str, Histograms]":
        reference = self.scoring.reference
        assert reference is not None
        left_out = set(reference.features.bins) - set(self.scoring.features)
        return {
            "feature": reference.features.without(left_out),
            "prediction": reference.prediction,
            "target": reference.target,
        }

    def _as_reference(
        self, training: "Histograms", counts: "Mapping[str, Counts]", rows: int
    ) -> "Histograms":
        """Counts of the partition before, with bins and usual variation of the training rows."""
        from mlops_assets.ml.monitoring.drift.histograms import Histograms

        kept = training.without(set(training.bins) - set(counts))
        return Histograms(rows, rows, kept.bins, counts, kept.variation)

    def _against(
        self,
        name: "Reference",
        current: PartitionRows,
        sides: "Mapping[str, Histograms]",
        sample: "pd.DataFrame | None",
    ) -> "list[ColumnDrift]":
        from mlops_assets.ml.monitoring.drift.evaluation import Thresholds, compare_columns, decide

        settings = self.run.project.settings.monitoring.drift
        importances = self.scoring.importances
        compared = [
            *compare_columns(name, "feature", sides["feature"], current.features, importances),
            *compare_columns(name, "prediction", sides["prediction"], current.prediction),
            *compare_columns(name, "target", sides["target"], current.target),
        ]
        if settings.multivariate and current.sample is not None:
            compared += self._classified(name, current, sample)
        return decide(compared, Thresholds(settings.significance, settings.effect, settings.auc))

    def _classified(
        self, name: "Reference", current: PartitionRows, sample: "pd.DataFrame | None"
    ) -> "list[ColumnDrift]":
        from mlops_assets.ml.monitoring.drift.classifier import LEAST_ROWS, distinguish
        from mlops_assets.ml.monitoring.drift.evaluation import ColumnDrift, compare_rows

        if sample is None:
            note = "not compared: the training rows no longer exist"
            return [ColumnDrift(name, "multivariate", None, current.rows, 0, note=note)]
        entity = self.scoring.entity
        assert current.sample is not None
        found = distinguish(sample, current.sample, self.scoring.features, entity=entity)
        if found is None:
            note = f"not compared: fewer than {LEAST_ROWS} rows"
            return [ColumnDrift(name, "multivariate", None, current.rows, len(sample), note=note)]
        alarms = found.auc >= self.run.project.settings.monitoring.drift.auc
        return [compare_rows(name, found, self.scoring.usual_shift(name) if alarms else 0.0)]

    def _read(self, partition: str | None) -> PartitionRows:
        if partition not in self._counted:
            if len(self._counted) > 1:
                self._counted.pop(next(iter(self._counted)))
            self._counted[partition] = self._count(partition)
        return self._counted[partition]

    def _count(self, partition: str | None) -> PartitionRows:
        from mlops_assets.ml.monitoring.drift.classifier import SAMPLED_ROWS
        from mlops_assets.ml.monitoring.drift.histograms import comparable, count

        scoring, reference = self.scoring, self.scoring.reference
        assert reference is not None
        bins = {name: each for name, each in reference.features.bins.items() if name in scoring.features}
        rows = comparable(feature_rows(self.run, scoring.model, partition), bins.values())
        wanted = dict.fromkeys([*scoring.features, *scoring.entity, names.ROW_ID])
        chosen = rows.project(quoted_list(wanted)).order(f"hash({names.ROW_ID})")
        return PartitionRows(
            len(rows),
            count(rows, bins.values()),
            chosen.limit(SAMPLED_ROWS).df(),
            self._outcome(names.PREDICTIONS, partition, reference.prediction.bins.values()),
            self._outcome(names.TARGET, partition, reference.target.bins.values()),
        )

    def _outcome(self, asset: str, partition: str | None, bins: "Iterable[Bins]") -> "Mapping[str, Counts]":
        """Counts of predictions or target; empty if they are not known yet."""
        from mlops_assets.ml.monitoring.drift.histograms import count

        project = self.run.project
        key = project.key(asset)
        if partition not in self.run.content(key):
            return {}
        rows = self.run.rows(key, partition)
        column = project.settings.target.column
        if asset == names.PREDICTIONS:
            column = score_column(self.scoring.model.spec)
            # predictions of rows that the model was fitted on are more extreme
            rows = rows.filter(f"not coalesce({names.IN_TRAINING}, false)")
        else:
            rows = rows.filter(f"{quoted(column)} is not null")
        return count(as_compared(project, rows, column), bins)

    def _unknown(self) -> "ColumnDrift":
        from mlops_assets.ml.monitoring.drift.evaluation import ColumnDrift

        note = "not compared: " + GONE.format(self.scoring.version.version)
        return ColumnDrift("training", "feature", None, 0, 0, note=note)
