"""Online features for Python programs, with the calls of Feast.

Differences from Feast: a reference is `project:feature`, where Feast has `view:feature`; nothing is written,
because the asset `features_online` does that; and entities of another type are an error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from mlops_assets.core.errors import DataError, StoreError
from mlops_assets.core.text.suggestions import suggest_name
from mlops_assets.serving.config import ServingConfig
from mlops_assets.stores.online.features import OnlineAnswer, OnlineFeatures, State
from mlops_assets.stores.system.state_directory import find_project_root

if TYPE_CHECKING:
    import pandas as pd

Status = Literal["PRESENT", "NOT_FOUND", "OUTSIDE_MAX_AGE"]
_STATUS: Mapping[State, Status] = {"found": "PRESENT", "unknown": "NOT_FOUND", "stale": "OUTSIDE_MAX_AGE"}


class _Column(NamedTuple):
    """A feature of all entities.

    Attributes
    ----------
    times
        The timestamps as of which the values are; None where there are none.
    """

    values: list[Any]
    statuses: list[Status]
    times: list[datetime | None]


@dataclass(frozen=True)
class OnlineResponse:
    """The features of entities, as `FeatureStoreClient.get_online_features` returns them.

    Attributes
    ----------
    entity_rows
        The entities, as they were given.
    """

    entity_rows: tuple[Mapping[str, Any], ...]
    _columns: Mapping[str, _Column]

    @property
    def statuses(self) -> dict[str, list[Status]]:
        """For each feature `PRESENT`, `NOT_FOUND` or `OUTSIDE_MAX_AGE` of each entity."""
        return {name: list(column.statuses) for name, column in self._columns.items()}

    def to_dict(self, include_event_timestamps: bool = False) -> dict[str, list[Any]]:
        """The columns of the entities and the features by name.

        Parameters
        ----------
        include_event_timestamps
            Add `NAME__ts` to each feature: the end of the partition that its value is from.
        """
        names = dict.fromkeys(name for row in self.entity_rows for name in row)
        found: dict[str, list[Any]] = {name: [row.get(name) for row in self.entity_rows] for name in names}
        for name, column in self._columns.items():
            found[name] = list(column.values)
            if include_event_timestamps:
                found[f"{name}__ts"] = list(column.times)
        return found

    def to_df(self, include_event_timestamps: bool = False) -> "pd.DataFrame":
        """The same as a pandas frame, see `to_dict`."""
        import pandas as pd

        return pd.DataFrame(self.to_dict(include_event_timestamps))


class FeatureStoreClient:
    """Reads online features.

    Parameters
    ----------
    config
        A file that `mlops serve PROJECT --export FILE` wrote. By default, the declarations of a project are
        loaded once, from the working directory or a folder above it.
    """

    def __init__(self, config: str | Path | None = None) -> None:
        self._known: dict[str, OnlineFeatures] = {}
        self._file = None if config is None else Path(config)

    def get_online_features(
        self,
        features: Sequence[str] | str,
        entity_rows: Sequence[Mapping[str, Any]],
        full_feature_names: bool = False,
    ) -> OnlineResponse:
        """The newest features of entities.

        Parameters
        ----------
        features
            References such as `customer_churn:orders`, or the name of a project for all of its features.
        entity_rows
            The columns of each entity.
        full_feature_names
            Name features `project__feature`, such as to read features of equal names.

        Returns
        -------
        OnlineResponse
            A feature of an unknown entity is None, and so is a stale one unless the project answers stale
            features.

        Raises
        ------
        MlopsError
            When there is no such project or feature, an entity is invalid, or the store can't be read.
        """
        columns: dict[str, _Column] = {}
        for project, wanted in _by_project(features).items():
            answer = self._features(project).get(project, entity_rows)
            _require_valid(project, answer)
            known = [column.name for column in answer.columns]
            names = wanted or [name for name in known if name not in answer.entity]
            for name in names:
                if name not in known:
                    raise DataError(f"{project} has no feature {name}", hint=suggest_name(name, known))
                shown = f"{project}__{name}" if full_feature_names else name
                if shown in columns:
                    raise DataError(
                        f"two features are named {shown}",
                        hint="pass full_feature_names=True",
                    )
                columns[shown] = _column(answer, name)
        return OnlineResponse(tuple(entity_rows), columns)

    def _features(self, project: str) -> OnlineFeatures:
        if project not in self._known:
            self._known[project] = self._config(project).online_features()
        return self._known[project]

    def _config(self, project: str) -> ServingConfig:
        if self._file is None:
            from mlops_assets.workspace.serving.read_declared import read_declared

            return read_declared(find_project_root(), [project])
        try:
            text = self._file.read_text("utf-8")
        except OSError as error:
            raise StoreError(
                f"{self._file} can't be read: {error.strerror}",
                hint=f"write it: mlops serve {project} --export {self._file}",
            ) from error
        found = ServingConfig.from_text(text, subject=str(self._file))
        found.project(project)
        return found


def _by_project(features: Sequence[str] | str) -> dict[str, list[str]]:
    """The wanted features of each project; none for all."""
    if isinstance(features, str):
        return {features: []}
    found: dict[str, list[str]] = {}
    for reference in features:
        project, colon, name = reference.partition(":")
        if not (project and colon and name):
            raise DataError(
                f"{reference!r} is not a reference to a feature", hint="write it as project:feature"
            )
        found.setdefault(project, []).append(name)
    return found


def _require_valid(project: str, answer: OnlineAnswer) -> None:
    for place, row in enumerate(answer.rows):
        if row.state == "invalid":
            raise DataError(f"{project}: row {place} of entity_rows: {row.problem}")


def _column(answer: OnlineAnswer, name: str) -> _Column:
    rows = answer.rows
    return _Column(
        [None if row.values is None else row.values[name] for row in rows],
        [_STATUS[row.state] for row in rows],
        [row.as_of for row in rows],
    )
