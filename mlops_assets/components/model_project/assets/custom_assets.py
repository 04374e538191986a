"""Custom assets: ordinary Dagster definitions in a project's `assets.py`, beside the generated ones."""

import warnings
from collections.abc import Collection, Iterable

import dagster as dg

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names
from mlops_assets.core.errors import ProjectError
from mlops_assets.stores.project_folder.files import ASSETS


def custom_definitions(project: Project, generated: dg.Definitions) -> dg.Definitions:
    """The definitions in `assets.py`: assets, checks, jobs, sensors and schedules.

    The assets are added to the project's group, so that `mlops run` materializes them. Owners and code
    version (the digest of the file) are set by default.

    Parameters
    ----------
    generated
        The generated definitions of the project.

    Raises
    ------
    ProjectError
        When the file cannot be imported, defines nothing, or an asset has an invalid key.
    """
    if not project.files.has(ASSETS):
        return dg.Definitions()
    module, path = project.files.custom_assets(), project.files.folder / ASSETS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)
        found = dg.load_definitions_from_module(module)
    if not any((found.assets, found.asset_checks, found.jobs, found.sensors, found.schedules)):
        raise ProjectError(
            f"{project.name}: {path} contains no Dagster definitions",
            hint="define assets with @dg.asset, or delete the file",
        )
    others = set(_keys(generated))
    for key in _keys(found):
        _require_valid_key(project, key, others, str(path))
    version = project.files.version(ASSETS)[:16]
    return found.map_asset_specs(func=lambda spec: _of_project(spec, project, version))


def _keys(definitions: dg.Definitions) -> Iterable[dg.AssetKey]:
    for definition in definitions.assets or []:
        if isinstance(definition, dg.AssetsDefinition):
            yield from definition.keys
        elif isinstance(definition, dg.AssetSpec):
            yield definition.key


def _of_project(spec: dg.AssetSpec, project: Project, version: str) -> dg.AssetSpec:
    """A custom asset with the attributes that all assets of the project share."""
    return spec.replace_attributes(
        group_name=project.name,
        owners=spec.owners or project.settings.owners,
        tags={**project.settings.tags, **spec.tags, "project": project.name, names.CUSTOM_ASSET: "yes"},
        code_version=spec.code_version or version,
    )


def _require_valid_key(
    project: Project, key: dg.AssetKey, generated: Collection[dg.AssetKey], path: str
) -> None:
    """Keys determine the location of tables: inside of the project, and not that of a generated table."""
    written = "/".join(key.path)
    if len(key.path) < 2 or key.path[0] != project.name:
        raise ProjectError(
            f"{project.name}: {path}: the key of asset {written} does not start with the project's name",
            hint=f'declare it with @dg.asset(key_prefix="{project.name}"), or move it to another folder of '
            "defs/ if it does not belong to the project",
        )
    if key in generated:
        raise ProjectError(
            f"{project.name}: {path}: {written} is the key of a generated asset",
            hint="rename your asset",
        )
    inside = any(key.path[: len(each.path)] == each.path for each in generated)
    if inside or key.path[1].partition("_")[0] in names.TABLE_LAYERS:
        raise ProjectError(
            f"{project.name}: {path}: {written}: names that start with raw, validated or quarantine are "
            "reserved for generated assets",
            hint="rename your asset",
        )
