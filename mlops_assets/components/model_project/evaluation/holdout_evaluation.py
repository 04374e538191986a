"""A trained model with its training and holdout rows, shared by all parts of the evaluation."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.evaluation.row_clusters import cluster_columns, row_clusters
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.project.training_rows import training_set
from mlops_assets.components.model_project.training.search import primary_measure
from mlops_assets.core import names
from mlops_assets.core.sql_quoting import quoted_list

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    from numpy.typing import NDArray

    from mlops_assets.ml.evaluation.groups.column_groups import ColumnGroups
    from mlops_assets.ml.metrics.metrics import Threshold
    from mlops_assets.ml.metrics.tasks import Measure, Metric
    from mlops_assets.ml.model.tabular_model import TabularModel
    from mlops_assets.ml.search.training_data import TrainingData
    from mlops_assets.stores.tracking.tracking import TrackingStore
    from mlops_assets.stores.tracking.trained_model import TrainedModel
    from mlops_assets.stores.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class EvaluatedModel:
    """A model and its holdout.

    Attributes
    ----------
    frame
        The whole training set, with the side of each row.
    train, holdout
        Training rows and holdout rows.
    """

    project: Project
    trained: "TrainedModel"
    model: "TabularModel"
    warehouse: "Warehouse"
    frame: "pd.DataFrame"
    train: "TrainingData"
    holdout: "TrainingData"

    @classmethod
    def read(
        cls, project: Project, tracking: "TrackingStore", trained: "TrainedModel", warehouse: "Warehouse"
    ) -> "EvaluatedModel":
        """Load the model and its training set."""
        from mlops_assets.ml.search.training_data import split_sides

        model, frame = tracking.load(trained), training_set(project, warehouse, trained.facts)
        train, holdout = split_sides(
            frame,
            target=project.settings.target.column,
            classes=model.spec.classes,
            subject=project.name,
            aside=project.settings.entity,
        )
        return cls(project, trained, model, warehouse, frame, train, holdout)

    @property
    def metric(self) -> "Metric":
        """The primary metric."""
        return self.project.settings.primary_metric

    @property
    def measure(self) -> "Measure":
        """The primary metric with its unit."""
        return primary_measure(self.project, self.classes)

    @property
    def classes(self) -> int:
        """Number of classes; 1 for regression."""
        return max(len(self.model.spec.classes), 1)

    @property
    def seed(self) -> int:
        return self.project.settings.split.seed

    @property
    def unit_size(self) -> float:
        return self.project.settings.target.unit_size

    @property
    def threshold(self) -> "Threshold":
        """The decision threshold of the model on the holdout, with a fairness constraint that of each row."""
        return self.model.spec.threshold if self.group_thresholds is None else self.group_thresholds

    @cached_property
    def group_thresholds(self) -> "NDArray | None":
        """With a fairness constraint, the decision threshold of each row of the holdout, shape `(n,)`."""
        return self.group_thresholds_of(self.holdout)

    def group_thresholds_of(self, data: "TrainingData") -> "NDArray | None":
        """With a fairness constraint, the decision threshold of each row of a part of the training set."""
        fair = self.model.spec.group_thresholds
        return fair.of(data.protected_values(fair.column)) if fair else None

    def threshold_of(self, data: "TrainingData") -> "Threshold":
        """The decision threshold of the model on a part of its training set."""
        found = self.group_thresholds_of(data)
        return self.model.spec.threshold if found is None else found

    @cached_property
    def clusters(self) -> "NDArray | None":
        """The cluster of each row of the holdout, shape `(n,)`; None if rows are independent, or unknown."""
        columns = cluster_columns(self.project)
        known = columns and all(map(self.has_column, columns))
        return row_clusters(self.project, self.columns(columns)) if known else None

    @cached_property
    def predictions(self) -> "NDArray":
        """Predictions of the holdout, in the form of the task (`Task`)."""
        return self.model.predict_features(self.holdout.features)

    @cached_property
    def bounds(self) -> "NDArray":
        """Lower and upper bounds of the holdout's prediction intervals, shape `(2, n)`."""
        import numpy as np

        return np.stack(self.model.predict_intervals(self.holdout.features, self.predictions))

    def value(self, rows: "NDArray", predictions: "NDArray | None" = None) -> float:
        """The primary metric of some rows of the holdout, by position; by default of the model."""
        from mlops_assets.ml.metrics.metrics import at_rows

        chosen, kept = self._predictions_of(rows, predictions), self.holdout.weights_of(rows)
        threshold = at_rows(self.threshold, rows)
        return self.value_of(self.holdout.target[rows], chosen, threshold=threshold, weights=kept)

    def value_of(
        self,
        truth: "NDArray",
        predictions: "NDArray",
        *,
        threshold: "Threshold",
        weights: "NDArray | None" = None,
    ) -> float:
        """The primary metric of any rows, by any model with its decision threshold."""
        from mlops_assets.ml.metrics.metrics import compute_metric

        return compute_metric(self.measure, truth, predictions, threshold=threshold, weights=weights)

    def score(self, rows: "NDArray") -> tuple[float, float, float]:
        """The primary metric of some holdout rows, by position, and its 95 % confidence interval."""
        from mlops_assets.ml.metrics.metrics import at_rows

        clusters = None if self.clusters is None else self.clusters[rows]
        return self.score_of(
            self.holdout.target[rows],
            self.predictions[rows],
            clusters,
            self.holdout.weights_of(rows),
            threshold=at_rows(self.threshold, rows),
        )

    def score_of(
        self,
        truth: "NDArray",
        predictions: "NDArray",
        clusters: "NDArray | None",
        weights: "NDArray | None",
        *,
        threshold: "Threshold",
    ) -> tuple[float, float, float]:
        """The primary metric of any rows, and its 95 % confidence interval."""
        from mlops_assets.ml.metrics.bootstrap import bootstrap_interval

        interval = bootstrap_interval(
            self.measure,
            truth,
            predictions,
            threshold=threshold,
            clusters=clusters,
            weights=weights,
        )
        value = self.value_of(truth, predictions, threshold=threshold, weights=weights)
        return value, interval.low, interval.high

    def gain(
        self, predictions: "NDArray", others: "NDArray", *, threshold: "Threshold"
    ) -> tuple[float, float]:
        """The 95 % confidence interval of the metric of some holdout predictions minus that of others.

        Parameters
        ----------
        threshold
            The decision threshold of the other predictions.
        """
        from mlops_assets.ml.metrics.bootstrap import paired_difference_interval

        interval = paired_difference_interval(
            self.measure,
            self.holdout.target,
            predictions,
            others,
            thresholds=(self.threshold, threshold),
            clusters=self.clusters,
            weights=self.holdout.weights,
        )
        return interval.low, interval.high

    def has_column(self, name: str) -> bool:
        """Whether there is such a `column`: it may have been declared after the model was trained."""
        if name in self.project.settings.entity or name in self.holdout.features:
            return True
        if self.project.timeline is not None:
            return False
        with self.warehouse.connect() as connection:
            return name in self._table(connection).columns

    def column(self, name: str) -> "pd.Series":
        """A feature of the holdout, or a column of its source table, in the order of the holdout rows."""
        return self.columns([name])[name]

    def groups(self, name: str) -> "ColumnGroups":
        """The groups of the holdout by a column; those of a sensitive column are numbered."""
        from mlops_assets.ml.evaluation.groups.column_groups import group_column

        return group_column(self.column(name), name=name, numbered=name in self.project.sensitive)

    def columns(self, wanted: list[str]) -> "pd.DataFrame":
        """Features, entity columns or columns of the source table, in the order of the holdout rows."""
        import pandas as pd

        aside = self.frame[self.frame[names.SPLIT] == names.HOLDOUT].sort_values(names.ROW_ID)
        entity = {name: aside[name].to_numpy() for name in self.project.settings.entity if name in wanted}
        known = {
            **entity,
            **{
                name: self.holdout.features[name]
                for name in wanted
                if name not in entity and name in self.holdout.features
            },
        }
        others = [name for name in wanted if name not in known]
        of_table = self.rows(columns=others) if others else pd.DataFrame()
        return pd.DataFrame({name: known[name] if name in known else of_table[name] for name in wanted})

    def rows(self, *, columns: list[str] | None = None, most: int | None = None) -> "pd.DataFrame":
        """Holdout rows as clients send them: columns of the table, or the features in an event project.

        Parameters
        ----------
        columns
            By default all input columns of the model.
        most
            Maximum number of rows, drawn at random; by default all, in the order of the holdout.
        """
        import numpy as np

        positions = np.arange(len(self.holdout.target))
        if most is not None and most < len(positions):
            drawn = np.random.default_rng(self.seed).choice(len(positions), most, replace=False)
            positions = np.sort(drawn)
        wanted = columns or [column.name for column in self.model.spec.columns]
        if self.project.timeline is not None:
            return self.holdout.features.iloc[positions][wanted].reset_index(drop=True)
        ids = self.holdout.row_ids[positions]
        rows = self._table_rows(ids, wanted).loc[ids].reset_index(drop=True)
        return rows if columns else self.model.as_sent(rows)

    def _predictions_of(self, rows: "NDArray", predictions: "NDArray | None") -> "NDArray":
        return self.predictions[rows] if predictions is None else predictions

    def _table_rows(self, ids: "NDArray", columns: list[str]) -> "pd.DataFrame":
        """Rows of the table by `row_id`."""
        import pandas as pd

        with self.warehouse.connect() as connection:
            wanted = connection.from_df(pd.DataFrame({names.ROW_ID: ids}))
            found = (
                self._table(connection)
                .join(wanted, names.ROW_ID, how="semi")
                .project(quoted_list([names.ROW_ID, *dict.fromkeys(columns)]))
            )
            return found.df().set_index(names.ROW_ID)

    def _table(self, connection: "duckdb.DuckDBPyConnection") -> "duckdb.DuckDBPyRelation":
        """The table, at the version that the model was trained on."""
        key = self.project.table_key(names.VALIDATED).path
        version = json.loads(self.trained.facts["inputs"])["/".join(key)]
        return self.warehouse.relation(connection, key, version=version)
