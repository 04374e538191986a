"""The model that scored a partition: its reference, importances and training rows, read once in a run."""

import json
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.evaluation.drift_reference import (
    DriftReference,
    compute_reference,
    fitted_rows,
    log_reference,
    read_reference,
)
from mlops_assets.components.model_project.monitoring.report import ReportRun
from mlops_assets.components.model_project.project.metadata_names import NUMBERS
from mlops_assets.components.model_project.promotion.transitions import open_champion_ledger
from mlops_assets.core import names
from mlops_assets.core.sql_quoting import quoted_list

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from mlops_assets.ml.model.tabular_model import TabularModel
    from mlops_assets.ml.monitoring.drift.evaluation import Reference


class ScoringModel:
    """A version whose predictions are compared, with what all of its partitions share.

    Parameters
    ----------
    number
        The number of the version.
    """

    def __init__(self, run: ReportRun, number: int) -> None:
        self.run = run
        self.project = run.project
        ledger = open_champion_ledger(run.project, run.store, run.tracking)
        self.version = ledger.recorded(run.tracking.registry.version(run.project.name, number))
        self._usual: dict[str, float] = {}

    @cached_property
    def model(self) -> "TabularModel":
        """The deployed model."""
        return self.run.tracking.load(self.version)

    @cached_property
    def reference(self) -> DriftReference | None:
        """The reference of the training rows, computed if it is not kept with the model; None if unknown."""
        project, run = self.project, self.run
        kept = read_reference(project, run.tracking, self.version.run_id)
        if kept is not None and not project.sensitive & set(self.model.spec.features):
            return kept
        # Histograms of sensitive columns hold values, and are never kept.
        made = compute_reference(project, run.store, self.evaluated, self.version.facts)
        if made is not None and kept is None:
            log_reference(project, run.tracking, self.version.run_id, made)
        return made or kept

    @cached_property
    def evaluated(self) -> "TabularModel":
        """The model before it was refitted on the holdout."""
        return self.run.tracking.load(self.version.as_evaluated)

    @cached_property
    def importances(self) -> Mapping[str, float] | None:
        """Permutation importances of the evaluation; None if they are not recorded.

        Of many features the evaluation measures the leading ones: the others have an importance of 0.
        """
        from mlops_assets.stores.tracking.run_artifacts import read_text

        text = read_text(self.run.tracking, self.version.run_id, f"report/{NUMBERS}")
        numbers = json.loads(text) if text else {}
        if not (found := numbers.get("importances")):
            return None
        known = dict.fromkeys(numbers.get("features", ()), 0.0) | found
        return {name: value for name, value in known.items() if value is not None}

    @cached_property
    def features(self) -> list[str]:
        """The features that are compared."""
        left_out = set(self.project.settings.monitoring.drift.without)
        return [name for name in self.model.spec.features if name not in left_out]

    @cached_property
    def training_sample(self) -> "pd.DataFrame | None":
        """Sampled training rows for the classifier; None if the rows are gone."""
        from mlops_assets.ml.monitoring.drift.classifier import SAMPLED_ROWS

        rows = fitted_rows(self.project, self.run.store, self.run.connection, self.version.facts)
        if rows is None:
            return None
        return self._chosen(rows).order(f"hash({names.ROW_ID})").limit(SAMPLED_ROWS).df()

    @cached_property
    def period_samples(self) -> "list[pd.DataFrame]":
        """Sampled training rows of each period, in order of time; empty without periods."""
        from mlops_assets.ml.monitoring.drift.classifier import SAMPLED_ROWS

        rows = fitted_rows(self.project, self.run.store, self.run.connection, self.version.facts)
        if rows is None or names.PERIOD not in rows.columns:
            return []
        chosen = self._chosen(rows, names.PERIOD)
        place = f"row_number() over (partition by {names.PERIOD} order by hash({names.ROW_ID}))"
        sampled = chosen.project(f"*, {place} as _place").filter(f"_place <= {SAMPLED_ROWS}").df()
        return [period for _, period in sampled.groupby(names.PERIOD)]

    @cached_property
    def entity(self) -> list[str]:
        """The columns of the samples that identify an entity, whose rows repeat."""
        return list(self.project.settings.entity) if self.project.timeline else []

    def usual_shift(self, against: "Reference") -> float:
        """The usual shift of the classifier between training periods."""
        from mlops_assets.ml.monitoring.drift.classifier import usual_shift
        from mlops_assets.ml.monitoring.drift.evaluation import training_or_previous

        against = training_or_previous(against)
        if against not in self._usual:
            self._usual[against] = usual_shift(
                self.period_samples, self.features, against=against, entity=self.entity
            )
        return self._usual[against]

    def _chosen(self, rows: "duckdb.DuckDBPyRelation", *more: str) -> "duckdb.DuckDBPyRelation":
        wanted = dict.fromkeys([*self.features, *self.entity, names.ROW_ID, *more])
        return rows.project(quoted_list(wanted))
