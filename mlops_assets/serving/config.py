"""What the service knows of the projects that it serves, as one JSON document."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from mlops_assets.core.errors import ProjectError, StoreError
from mlops_assets.core.text.suggestions import suggest_name
from mlops_assets.stores.online.features import OnlineFeatures
from mlops_assets.stores.project_folder.table_declaration import TableDeclaration
from mlops_assets.stores.system.state_directory import StateDirectory


@dataclass(frozen=True)
class ServedProject:
    """A project as it is declared.

    Attributes
    ----------
    folder
        The folder of its files; `schema.py` is read from it.
    table
        How rows are written; None if the rows consist of features, as in an event project.
    entity
        The columns that identify a row of features of an event project: requests may send them alone.
    dialect
        The dialect of the table's files, of CSV in requests, too.
    settings
        The settings `serving` of `defs.yaml`, with defaults.
    logged_entity
        The columns by which `mlops forget` finds an entity in the prediction log; if empty, `entity`.
    sensitive
        The sensitive columns of its tables and features.
    """

    name: str
    folder: str
    table: TableDeclaration | None
    entity: tuple[str, ...] = ()
    dialect: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    logged_entity: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()


@dataclass(frozen=True)
class ServingConfig:
    """The served projects, and the stores that hold their versions.

    Attributes
    ----------
    warehouse, tracking_uri, artifacts
        As in the resources of the project; the warehouse holds the ledgers.
    state
        The state directory.
    """

    projects: tuple[ServedProject, ...]
    warehouse: str
    tracking_uri: str
    artifacts: str | None
    state: str

    @property
    def serving_folder(self) -> Path:
        """The folder for the files of the service: loaded versions, deployments, status."""
        return Path(self.state) / "serving"

    def project(self, name: str) -> ServedProject:
        """Return a served project.

        Raises
        ------
        ProjectError
            When the project is not served.
        """
        known = {project.name: project for project in self.projects}
        if name not in known:
            raise ProjectError(f"project {name} is not served", hint=suggest_name(name, known))
        return known[name]

    def online_features(self) -> OnlineFeatures:
        """The online features of the projects that declare them."""
        declared = {project.name: project.settings.get("online") for project in self.projects}
        settings = {name: online for name, online in declared.items() if online}
        return OnlineFeatures(settings, StateDirectory(Path(self.state)).online)

    def restricted_to(self, names: Sequence[str]) -> Self:
        """The configuration of some of its projects; of all for no names.

        Raises
        ------
        ProjectError
            When it does not have one of them.
        """
        return replace(self, projects=tuple(map(self.project, names))) if names else self

    def to_text(self) -> str:
        """The configuration as JSON."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_text(cls, text: str, *, subject: str = "the configuration") -> Self:
        """Parse a configuration.

        Raises
        ------
        StoreError
            When the text is not one.
        """
        try:
            values = json.loads(text)
            projects = tuple(_project(one) for one in values.pop("projects"))
            return cls(projects=projects, **values)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreError(
                f"{subject} is not a configuration of mlops serve: {type(error).__name__}: {error}",
                hint="write it again: mlops serve PROJECT --export FILE",
            ) from error


def _project(values: Mapping[str, Any]) -> ServedProject:
    table, found = values.get("table"), ServedProject(**values)
    declared = None if table is None else TableDeclaration.from_json(table)
    return replace(
        found,
        table=declared,
        entity=tuple(found.entity),
        logged_entity=tuple(found.logged_entity),
        sensitive=tuple(found.sensitive),
    )
