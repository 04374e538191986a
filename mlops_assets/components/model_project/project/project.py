"""A project as the asset modules see it."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.components.model_project.project.files import ProjectCode
from mlops_assets.core import names
from mlops_assets.core.digests import text_digest
from mlops_assets.core.errors import MlopsError, ProjectError
from mlops_assets.core.periods import Periods
from mlops_assets.ml.features.timeline import Timeline
from mlops_assets.stores.system.disk_errors import disk_fault

if TYPE_CHECKING:
    from mlops_assets.components.model_project.component import ModelProject
    from mlops_assets.stores.warehouse.warehouse import WriteResult

NOT_FOLLOWED = "not_followed"
"""Name in metadata: what an asset needs, and does not follow when it changes."""
INPUTS = "inputs"
"""Name in metadata: `inputs_digest` of what a partition was made of."""
IDENTITY = "identity"
"""Name in metadata: the columns that tell a table's row, in its partition if it has some."""


@dataclass(frozen=True)
class Project:
    """One declared project.

    Attributes
    ----------
    settings
        The component: what `defs.yaml` says.
    root
        The project root that relative source paths start from.
    """

    name: str
    settings: "ModelProject"
    code: ProjectCode
    root: Path

    @cached_property
    def table(self) -> str:
        """The name of the one table of a project without partitions."""
        return next(iter(self.settings.tables))

    @cached_property
    def timeline(self) -> Timeline | None:
        """Which partition may see which, in an event project; None in a project without partitions."""
        settings = self.settings
        if settings.partitions is None or settings.target.horizon is None:
            return None
        periods = Periods.of(settings.partitions.cadence, settings.partitions.start, settings.partitions.end)
        lookback, window = settings.partitions.lookback, settings.training.window
        return Timeline(periods, settings.target.horizon, lookback, window)

    @property
    def time(self) -> Timeline:
        """The timeline of an event project; asked for only where there is one."""
        if self.timeline is None:
            raise ProjectError(f"{self.name} has no partitions")
        return self.timeline

    @cached_property
    def event_tables(self) -> list[str]:
        """The tables whose rows arrive by partition."""
        return [name for name, table in self.settings.tables.items() if self.timeline and table.time]

    def subject(self, table: str) -> str:
        """Project and table, for messages."""
        return f"{self.name}: table {table}"

    def table_key(self, layer: str, table: str | None = None) -> dg.AssetKey:
        """Key of a layer of a table; of the one table, if none is named."""
        return dg.AssetKey(names.table_asset(self.name, layer, table or self.table))

    def key(self, asset: str) -> dg.AssetKey:
        """Key of an asset that the project has once."""
        return dg.AssetKey(names.project_asset(self.name, asset))

    def _identity_metadata(self, key: dg.AssetKey) -> dict[str, Any]:
        """The columns that tell a row of a table, where not only the whole row does."""
        entity = list(self.settings.entity) if self.timeline else [names.ROW_ID]
        columns: list[str] = []
        match key.path[1:]:
            case [names.RAW | names.QUARANTINE, table]:
                columns = list(self.settings.tables[table].key)
            case [names.VALIDATED, _]:
                columns = [names.ROW_ID]
            case [names.FEATURES | names.TARGET | names.PREDICTIONS]:
                columns = entity
            case [names.TRAINING_SET]:
                columns = [*entity, names.PERIOD] if self.timeline else entity
        return {IDENTITY: dg.MetadataValue.json(columns)} if columns else {}

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
        """An asset with all that the project's assets share.

        Parameters
        ----------
        code
            What the asset's content depends on beside its inputs: digests and settings, as text.
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
            metadata={**(metadata or {}), **self._identity_metadata(key)},
            partitions_def=partitions,
            automation_condition=automation,
            freshness_policy=freshness,
        )


@contextmanager
def plain_failures(project: str) -> Iterator[None]:
    """Show a foreseeable error as its own words, and don't retry what would fail again.

    What only computes does not know for whom: the project's name is put before what lacks it.
    """
    try:
        yield
    except MlopsError as error:
        raise _failure(project, error) from error
    except OSError as error:  # of a folder that no store knows, such as that of temporary files
        fault = disk_fault(error, "a file", Path(error.filename or tempfile.gettempdir()))
        if fault is None:
            raise
        raise _failure(project, fault) from error


def _failure(project: str, error: MlopsError) -> dg.Failure:
    subject = "" if error.message.startswith(f"{project}") else f"{project}: "
    return dg.Failure(description=f"{subject}{error}", allow_retries=False)


def table_metadata(
    result: "WriteResult",
    *,
    descriptions: Mapping[str, str] = {},
    made_of: Mapping[tuple[dg.AssetKey, str | None], str] | None = None,
) -> dict[str, Any]:
    """What every table's materialization tells.

    Parameters
    ----------
    made_of
        As `inputs_digest` wants it; None for what is read from files.
    """
    columns = [
        dg.TableColumn(name, kind, description=descriptions.get(name) or None)
        for name, kind in result.columns.items()
    ]
    return {
        "dagster/row_count": result.rows,
        "dagster/column_schema": dg.TableSchema(columns),
        "table_version": result.version,
        "written": result.changed,
        **({INPUTS: inputs_digest(made_of)} if made_of is not None else {}),
    }


def inputs_digest(parts: Mapping[tuple[dg.AssetKey, str | None], str]) -> str:
    """One digest for what an asset was made of.

    Parameters
    ----------
    parts
        The data version of each asset, and where it has partitions of each partition, that was read.
    """
    lines = sorted(f"{key.to_user_string()}|{part or ''}|{version}" for (key, part), version in parts.items())
    return text_digest(*lines)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> dg.MarkdownMetadataValue:
    """A small table to look at in the UI."""
    lines = [header, ["---"] * len(header), *rows]
    text = "\n".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines
    )
    return dg.MetadataValue.md(text)
