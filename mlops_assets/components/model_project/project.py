"""A project as the asset modules see it.

Holds: `Project`: its names, its settings, and what all of its assets have in common.
Add here: what more than one kind of asset needs.
Not here: assets.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets import names
from mlops_assets.components.model_project.code import ProjectCode
from mlops_assets.digests import text_digest
from mlops_assets.errors import MlopsError

if TYPE_CHECKING:
    from mlops_assets.components.model_project.component import ModelProject


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
        """The name of the project's one table."""
        return next(iter(self.settings.tables))

    @property
    def subject(self) -> str:
        """Project and table, for messages."""
        return f"{self.name}: table {self.table}"

    def table_key(self, layer: str) -> dg.AssetKey:
        """Key of a layer of the table."""
        return dg.AssetKey(names.table_asset(self.name, layer, self.table))

    def key(self, asset: str) -> dg.AssetKey:
        """Key of an asset that the project has once."""
        return dg.AssetKey(names.project_asset(self.name, asset))

    def spec(
        self,
        key: dg.AssetKey,
        *,
        description: str,
        kinds: Sequence[str],
        deps: Sequence[dg.AssetKey] = (),
        code: Sequence[str],
        skippable: bool = False,
        metadata: Mapping[str, Any] | None = None,
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
            metadata=metadata,
        )


@contextmanager
def plain_failures() -> Iterator[None]:
    """Show a foreseeable error as its own words, and don't retry what would fail again."""
    try:
        yield
    except MlopsError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error


def table_metadata(
    *, rows: int, version: int, changed: bool, types: Mapping[str, str], descriptions: Mapping[str, str] = {}
) -> dict[str, Any]:
    """What every table's materialization tells."""
    columns = [
        dg.TableColumn(name, kind, description=descriptions.get(name) or None) for name, kind in types.items()
    ]
    return {
        "dagster/row_count": rows,
        "dagster/column_schema": dg.TableSchema(columns),
        "table_version": version,
        "written": changed,
    }


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> dg.MarkdownMetadataValue:
    """A small table to look at in the UI."""
    lines = [header, ["---"] * len(header), *rows]
    text = "\n".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines
    )
    return dg.MetadataValue.md(text)
