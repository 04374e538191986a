"""`Project`: name, settings, files and timeline of a project, and the keys and specs of its assets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.components.model_project.project.metadata_names import (
    DECLARATION,
    ENTITY,
    IDENTITY,
    PROTECTED_COLUMNS,
    SENSITIVE,
)
from mlops_assets.components.model_project.settings.protected_columns import protected_columns
from mlops_assets.core import names
from mlops_assets.core.declaration import record_declaration, to_text
from mlops_assets.core.digests import text_digest
from mlops_assets.core.errors import ProjectError
from mlops_assets.core.periods import Periods
from mlops_assets.ml.features.timeline import Timeline
from mlops_assets.stores.project_folder.files import (
    FEATURES_CLASS,
    FEATURES_SQL,
    PIPELINE,
    SCHEMA,
    TARGET_SQL,
    ProjectFiles,
    class_name,
)

if TYPE_CHECKING:
    from mlops_assets.components.model_project.settings.project import ProjectSettings
    from mlops_assets.components.model_project.settings.tables import TableSettings

_DEFINING_FILES = {
    names.VALIDATED: SCHEMA,
    names.QUARANTINE: SCHEMA,
    names.FEATURES: FEATURES_SQL,
    names.TARGET: TARGET_SQL,
    names.TUNED_MODEL: PIPELINE,
}
_RECORDED_FILES = (SCHEMA, FEATURES_SQL, TARGET_SQL, PIPELINE)


@dataclass(frozen=True)
class Project:
    """A declared project.

    Attributes
    ----------
    settings
        The settings in `defs.yaml`.
    root
        The root of the Dagster project; relative source paths start from it.
    """

    name: str
    settings: "ProjectSettings"
    files: ProjectFiles
    root: Path

    @cached_property
    def table(self) -> str:
        """The name of the only table of a project without partitions."""
        return next(iter(self.settings.tables))

    @cached_property
    def timeline(self) -> Timeline | None:
        """Which partitions features, target and models read; None in a project without partitions."""
        settings = self.settings
        if settings.partitions is None or settings.target.horizon is None:
            return None
        periods = Periods.of(settings.partitions.cadence, settings.partitions.start, settings.partitions.end)
        lookback, window = settings.partitions.lookback, settings.training.window
        return Timeline(periods, settings.target.horizon, lookback, window)

    @property
    def time(self) -> Timeline:
        """The timeline of an event project; an error in other projects."""
        if self.timeline is None:
            raise ProjectError(f"{self.name} has no partitions")
        return self.timeline

    @cached_property
    def event_tables(self) -> list[str]:
        """Names of the tables with events, which arrive by partition."""
        return [name for name, table in self.settings.tables.items() if self.timeline and table.time]

    @cached_property
    def as_of_tables(self) -> list[str]:
        """Names of the tables of which a partition reads the version that had arrived by its end."""
        return [
            name
            for name, table in self.settings.tables.items()
            if self.timeline and not table.time and not table.valid_from and table.history == "as_of"
        ]

    @cached_property
    def read_tables(self) -> "dict[str, TableSettings]":
        """The tables that are read from sources: the declared ones, and the rows to predict."""
        scoring = self.settings.scoring
        if scoring is None:
            return dict(self.settings.tables)
        return {**self.settings.tables, names.SCORING: scoring.as_table(self.settings.tables[self.table])}

    def periods_of(self, table: str) -> Periods | None:
        """The periods by which the rows of a table arrive; None for a table without partitions."""
        if table == names.SCORING and self.settings.scoring:
            return self.settings.scoring.periods
        return self.timeline.periods if self.timeline and table in self.event_tables else None

    @cached_property
    def sensitive(self) -> frozenset[str]:
        """Names of the sensitive columns of all tables and of the features.

        A name that is sensitive in one of them is so in all: a value travels from table to features to
        training set under its name.
        """
        classes = [FEATURES_CLASS, *map(class_name, self.settings.tables)]
        fields = (self.files.sensitive_fields(name) for name in classes)
        declared = (table.sensitive for table in self.settings.tables.values())
        return frozenset().union(*fields, *declared)

    @cached_property
    def scored_key(self) -> dg.AssetKey | None:
        """The asset whose rows the champion predicts; None without predictions."""
        if self.timeline:
            return self.key(names.FEATURES)
        return self.table_key(names.VALIDATED, names.SCORING) if self.settings.scoring else None

    @property
    def entity_columns(self) -> list[str]:
        """The columns that identify an entity; without partitions `split.group`, else the key."""
        if self.timeline is not None:
            return list(self.settings.entity)
        return list(self.settings.split.group or self.read_tables[self.table].key)

    def subject(self, table: str) -> str:
        """Project and table as the subject of messages."""
        return f"{self.name}: table {table}"

    def table_key(self, layer: str, table: str | None = None) -> dg.AssetKey:
        """Key of a layer of a table; by default of the only table."""
        return dg.AssetKey(names.table_asset(self.name, layer, table or self.table))

    def key(self, asset: str) -> dg.AssetKey:
        """Key of an asset that exists once per project."""
        return dg.AssetKey(names.project_asset(self.name, asset))

    @cached_property
    def declaration(self) -> dict[str, Any]:
        """Metadata of each materialization: its files and settings, for the reasons of `mlops plan`."""
        texts = {name: self.files.text(name) for name in _RECORDED_FILES if self.files.has(name)}
        settings = self.settings.model_dump(mode="json", exclude_defaults=True)
        record = record_declaration(texts, settings, version("mlops-assets"))
        return {DECLARATION: to_text(record)}

    def _project_metadata(self) -> dict[str, Any]:
        protected = protected_columns(self.settings)
        return {**self.declaration, **({PROTECTED_COLUMNS: protected} if protected else {})}

    def _identity_metadata(self, key: dg.AssetKey) -> dict[str, Any]:
        """The columns that identify a row of a table, and an entity; without those that are not declared."""
        entity = list(self.settings.entity) if self.timeline else [names.ROW_ID]
        columns: list[str] = []
        match names.layer_of(key.path) or key.path[1]:
            case names.RAW | names.QUARANTINE:
                columns = list(self.read_tables[names.table_of(key.path)].key)
            case names.VALIDATED:
                columns = [names.ROW_ID]
            case names.FEATURES | names.TARGET | names.PREDICTIONS:
                columns = entity
            case names.TRAINING_SET:
                columns = [*entity, names.PERIOD] if self.timeline else entity
        entity = self.entity_columns if key.path[1] == names.TRAINING_SET else []
        return {
            **({IDENTITY: dg.MetadataValue.json(columns)} if columns else {}),
            **({ENTITY: dg.MetadataValue.json(entity)} if entity else {}),
            **(self._project_metadata() if key.path[1] == names.TRAINING_SET else {}),
        }

    def _place_metadata(self, key: dg.AssetKey, kinds: Sequence[str]) -> dict[str, Any]:
        """Sensitive columns, SQL name of a table, and the project file that defines the content."""
        file = _DEFINING_FILES.get(names.layer_of(key.path) or key.path[1])
        found: dict[str, Any] = {SENSITIVE: sorted(self.sensitive)} if self.sensitive else {}
        if "deltalake" in kinds:
            found["dagster/table_name"] = names.view_name(key.path)
        if file and self.files.has(file):  # Dagster adds defs.yaml
            reference = dg.LocalFileCodeReference(
                file_path=str(self.files.folder / file), line_number=1, label=file
            )
            found["dagster/code_references"] = dg.CodeReferencesMetadataValue(code_references=[reference])
        return found

    def spec(
        self,
        key: dg.AssetKey,
        *,
        description: str,
        kinds: Sequence[str],
        deps: Sequence[dg.AssetKey | dg.AssetDep] = (),
        code: Sequence[str],
        skippable: bool = False,
        metadata: Mapping[str, Any] | None = None,
        partitions: dg.PartitionsDefinition | None = None,
        automation: "dg.AutomationCondition | None" = None,
        freshness: dg.FreshnessPolicy | None = None,
    ) -> dg.AssetSpec:
        """An asset spec with the attributes that all assets of the project share.

        Parameters
        ----------
        code
            Everything that the content depends on beside its inputs: digests and settings, as text.
        """
        return dg.AssetSpec(
            key,
            deps=deps,
            description=description,
            group_name=self.name,
            owners=self.settings.owners,
            tags={**self.settings.tags, "project": self.name},
            kinds=set(kinds),
            code_version=text_digest(*code)[:16],
            skippable=skippable,
            metadata={**(metadata or {}), **self._identity_metadata(key), **self._place_metadata(key, kinds)},
            partitions_def=partitions,
            automation_condition=automation,
            freshness_policy=freshness,
        )
