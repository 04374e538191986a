"""A project's own assets: ordinary Dagster definitions in its `assets.py`, beside the generated ones."""

import warnings
from collections.abc import Collection, Iterable

import dagster as dg

from mlops_assets.components.model_project.project.files import ASSETS
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names
from mlops_assets.core.errors import ProjectError


def custom_definitions(project: Project, generated: dg.Definitions) -> dg.Definitions:
    """What `assets.py` defines: assets, their checks, jobs, sensors and schedules.

    The assets join the project's group, so that `mlops run` makes them, and get what they don't set
    themselves: owners, and the digest of the file as code version.

    Parameters
    ----------
    generated
        The project's other definitions.

    Raises
    ------
    ProjectError
        When the file can't be imported, defines nothing, or an asset's key is not the project's to give.
    """
    if not project.files.has(ASSETS):
        return dg.Definitions()
    module, path = project.files.custom_assets(), project.files.folder / ASSETS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)
        found = dg.load_definitions_from_module(module)
    if not any((found.assets, found.asset_checks, found.jobs, found.sensors, found.schedules)):
        raise ProjectError(
            f"{project.name}: {path} defines nothing for Dagster",
            hint="define assets with @dg.asset, or delete the file",
        )
    others = set(_keys(generated))
    for key in _keys(found):
        _refuse_foreign(project, key, others, str(path))
    version = project.files.version(ASSETS)[:16]
    return found.map_asset_specs(func=lambda spec: _of_project(spec, project, version))


def _keys(definitions: dg.Definitions) -> Iterable[dg.AssetKey]:
    for definition in definitions.assets or []:
        if isinstance(definition, dg.AssetsDefinition):
            yield from definition.keys
        elif isinstance(definition, dg.AssetSpec):
            yield definition.key


def _of_project(spec: dg.AssetSpec, project: Project, version: str) -> dg.AssetSpec:
    """An own asset with what all of the project's assets share."""
    return spec.replace_attributes(
        group_name=project.name,
        owners=spec.owners or project.settings.owners,
        tags={**project.settings.tags, **spec.tags, "project": project.name, names.CUSTOM_ASSET: "yes"},
        code_version=spec.code_version or version,
    )


def _refuse_foreign(
    project: Project, key: dg.AssetKey, generated: Collection[dg.AssetKey], path: str
) -> None:
    """A table lies where its key says: below the project, and not where a generated one lies."""
    written = "/".join(key.path)
    if len(key.path) < 2 or key.path[0] != project.name:
        raise ProjectError(
            f"{project.name}: {path}: the key of asset {written} does not start with the project's name",
            hint=f'declare it with @dg.asset(key_prefix="{project.name}"); an asset of no project belongs '
            "into another folder of defs/",
        )
    if key in generated:
        raise ProjectError(
            f"{project.name}: {path}: {written} is the key of a generated asset",
            hint="rename your asset",
        )
    if names.layer_of(key.path) or key.path[1] in names.TABLE_LAYERS:
        raise ProjectError(
            f"{project.name}: {path}: {written}: names that start with raw, validated or quarantine are "
            "reserved for the assets of the project's tables",
            hint="rename your asset",
        )
