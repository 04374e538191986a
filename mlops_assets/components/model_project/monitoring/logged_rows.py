"""The logged rows that belong to a report: those that a version answered, with their features."""

from functools import cached_property
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.monitoring.computed_features import computed_features
from mlops_assets.components.model_project.monitoring.report import ReportRun
from mlops_assets.components.model_project.project.declared_tables import declared_contract
from mlops_assets.components.model_project.project.log_window import LogWindow, table_key
from mlops_assets.core import names
from mlops_assets.core.sql_quoting import literal, quoted, quoted_list
from mlops_assets.stores.prediction_log import columns as log

if TYPE_CHECKING:
    import duckdb

    from mlops_assets.ml.model.tabular_model import TabularModel

_LOGGED, _TYPED, _STREAM, _FEATURES = "_live_logged", "_live_typed", "_live_stream", "_live_features"
_ANSWERED = f"{log.ROLE} in ({literal(log.CHAMPION)}, {literal(log.CANARY)})"


class LoggedRows:
    """The log as one report run reads it.

    Parameters
    ----------
    window
        The days of each partition.
    """

    def __init__(self, run: ReportRun, window: LogWindow) -> None:
        self.run, self.window = run, window
        self.project = run.project
        self.key = run.project.key(names.PREDICTION_LOG)

    @cached_property
    def logged_days(self) -> dict[str, int]:
        """The number of rows of each day."""
        from mlops_assets.stores.prediction_log.log_table import LogTable

        return LogTable(self.run.store.root, self.project.name).rows_by_day()

    def days(self, partition: str | None) -> list[str]:
        """The days that belong to a partition."""
        return self.window.chosen(partition, self.logged_days)

    def versions(self, partition: str | None) -> dict[int, int]:
        """The number of rows that each version answered."""
        if not (days := self.days(partition)):
            return {}
        rows = self._relation(days).aggregate(f"{log.VERSION} as version, count(*) as n", log.VERSION)
        return dict(sorted(rows.fetchall()))

    def answered(
        self, partition: str | None, model: "TabularModel", version: int
    ) -> "duckdb.DuckDBPyRelation":
        """The rows that a version answered, with their columns under their own names, and `row_id`.

        Of each entity, or of each key of a static project, the last request: rows that repeat are no further
        evidence. Rows without a key all count.
        """
        rows = self._relation(self.days(partition)).filter(f"{log.VERSION} = {version}")
        own = [column.name for column in model.spec.columns]
        entity = list(self.project.settings.entity) if self.project.timeline else table_key(self.project)
        inputs = log.input_names([*entity, *own], model.spec.output_types())
        kept = [name for name in inputs if inputs[name] in rows.columns]
        if entity and set(entity) <= set(kept):
            same = [quoted(inputs[name]) for name in entity]
            order = f"{log.REQUESTED_AT} desc, {log.REQUEST_ID} desc, {log.ROW} desc"
            place = f"row_number() over (partition by {', '.join(same)} order by {order}) as _place"
            unknown = " or ".join(f"{name} is null" for name in same)
            rows = rows.project(f"*, {place}").filter(f"_place = 1 or {unknown}")
        chosen = [f"{quoted(inputs[name])} as {quoted(name)}" for name in kept]
        outputs = [f"{quoted(name)}" for name in model.spec.output_types() if name not in kept]
        order = f"{log.REQUESTED_AT}, {log.REQUEST_ID}, {log.ROW}"  # the same rows give the same report
        place = f"row_number() over (order by {order}) - 1 as {names.ROW_ID}"
        more = [log.FEATURES_AS_OF, log.REQUESTED_AT, place]
        self.run.connection.execute(f"drop table if exists {_LOGGED}")
        rows.project(", ".join([*chosen, *outputs, *more])).create(_LOGGED)
        return self.run.connection.table(_LOGGED)

    def features(
        self, rows: "duckdb.DuckDBPyRelation", model: "TabularModel"
    ) -> "duckdb.DuckDBPyRelation | None":
        """The features of answered rows, with `row_id`; None if columns that they require are not logged,
        or as digests alone.

        A static project logs raw rows, which its contract casts as it did for the answer.
        """
        own = [column.name for column in model.spec.columns]
        if self.project.timeline is not None:
            return rows
        if not set(own) <= set(rows.columns) - self.project.sensitive:
            return None
        from mlops_assets.ml.contracts.batch_check import check_rows
        from mlops_assets.ml.scoring.input_contract import raw_input_contracts

        connection = self.run.connection
        for table in (_TYPED, _FEATURES):
            connection.execute(f"drop table if exists {table}")
        contract = declared_contract(self.project, self.project.table, for_training=False)
        checked = check_rows(
            connection, rows, raw_input_contracts(contract, model.spec, 0).contract, table=_TYPED
        )
        # A connection with an open stream can't run another query.
        typed = checked.valid.project(quoted_list([*own, names.ROW_ID])).to_arrow_table()
        with self.run.store.connect() as reading:
            connection.register(_STREAM, computed_features(reading.from_arrow(typed), model))
            connection.execute(f"create temp table {_FEATURES} as from {_STREAM}")
            connection.unregister(_STREAM)
        return connection.table(_FEATURES)

    def typed(self, rows: "duckdb.DuckDBPyRelation", model: "TabularModel") -> "duckdb.DuckDBPyRelation":
        """The logged input columns of answered rows of a static project, cast, and `row_id`.

        Columns of its key stay as they are logged, which may be digests.
        """
        from mlops_assets.ml.contracts.columns import source_types

        contract, types = (
            declared_contract(self.project, self.project.table, for_training=False),
            source_types(rows),
        )
        key, own = table_key(self.project), {column.name for column in model.spec.columns}
        cast = [
            f"{column.cast_sql(types[column.name])} as {quoted(column.name)}"
            for column in contract.columns
            if column.name in own and column.name in types and column.name not in key
        ]
        return rows.project(", ".join([names.ROW_ID, *map(quoted, key), *cast]))

    def _relation(self, days: list[str]) -> "duckdb.DuckDBPyRelation":
        rows = self.run.store.relation(self.run.connection, self.key.path, partitions=days)
        return rows.filter(_ANSWERED)
