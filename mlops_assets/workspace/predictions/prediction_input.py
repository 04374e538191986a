"""The rows that a project's models predict from: the contract and the format of their files."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.project.declared_tables import clock_of, formats_of
from mlops_assets.components.model_project.project.files import ProjectFiles
from mlops_assets.components.model_project.project.metadata_names import DIALECT, FOLDER, IDENTITY, SENSITIVE
from mlops_assets.core import names
from mlops_assets.core.errors import ProjectError
from mlops_assets.stores.files.csv_dialect import Dialect
from mlops_assets.stores.sources.base import Ingestion
from mlops_assets.workspace.workspace import Workspace

if TYPE_CHECKING:
    from mlops_assets.ml.contracts.columns import Column
    from mlops_assets.ml.contracts.contract import Contract
    from mlops_assets.ml.model.tabular_model import TabularModel


@dataclass(frozen=True)
class PredictionInput:
    """What the rows of files are read and checked with.

    Attributes
    ----------
    ingestion
        The table and the CSV dialect.
    contract
        The contract of the input columns of a model.
    features_contract
        The contract of features, if the input consists of features and the project declares it.
    key
        The columns that identify a row.
    """

    ingestion: Ingestion
    contract: "Contract"
    features_contract: "Contract | None"
    key: tuple[str, ...]


def prediction_input(
    workspace: Workspace, project: str, model: "TabularModel", version: int
) -> PredictionInput:
    """The input of a version: rows like those of the table, or in an event project rows of features.

    Raises
    ------
    ProjectError
        If the project's contract does not have the input columns of the version any more.
    """
    if workspace.timeline(project) is None:
        raw = raw_spec(workspace, project)
        contract = input_contract(table_contract(project, raw), model, project, version)
        table, key = names.table_of(raw.key.path), _key_of(raw)
        return PredictionInput(Ingestion(project, table, dialect=dialect_of(raw)), contract, None, key)
    from mlops_assets.ml.contracts.batch_check import contract_of_types

    features = ProjectFiles(project, Path(workspace.metadata(project, FOLDER)[FOLDER])).feature_contract()
    if features:
        known = {column.name for column in model.spec.columns}
        for name in [name for name in features.names if name not in known]:
            features = features.without(name)
    contract = contract_of_types(model.spec.columns, subject=f"{project}: {names.FEATURES}")
    entity = workspace.declared(names.project_asset(project, names.PREDICTIONS), IDENTITY, default=[])
    return PredictionInput(Ingestion(project, names.FEATURES), contract, features, tuple(entity))


def raw_spec(workspace: Workspace, project: str) -> dg.AssetSpec:
    """The spec of the raw table of a static project."""
    keys = workspace.project(project)
    specs = workspace.definitions.resolve_all_asset_specs()
    return next(
        one
        for one in specs
        if one.key in keys
        and names.layer_of(one.key.path) == names.RAW
        and not names.is_scoring(one.key.path)
    )


def dialect_of(raw: dg.AssetSpec) -> Dialect:
    """The dialect in which the files of a table are read."""
    return Dialect.from_settings(raw.metadata.get(DIALECT))


def table_contract(project: str, raw: dg.AssetSpec) -> "Contract":
    """The contract of a table."""
    dialect = dialect_of(raw)
    return ProjectFiles(project, Path(raw.metadata[FOLDER])).contract(
        names.table_of(raw.key.path),
        key=_key_of(raw),
        spelling=(dialect.decimal, dialect.thousands),
        clock=clock_of(raw.metadata),
        formats=formats_of(raw.metadata),
        sensitive=raw.metadata.get(SENSITIVE, ()),
    )


def input_contract(contract: "Contract", model: "TabularModel", project: str, version: int) -> "Contract":
    """The contract of the input columns of a model, without the target and rules that read it.

    Raises
    ------
    ProjectError
        If the contract lacks an input column, or declares it with another type.
    """
    wanted = {column.name: column for column in model.spec.columns}
    for name in [name for name in contract.names if name not in wanted]:
        contract = contract.without(name)
    known = {column.name: column for column in contract.columns}
    for name, column in wanted.items():
        if name not in known:
            problem = f"requires the column {name}, which schema.py does not declare any more"
        elif known[name].sql_type != column.sql_type:
            problem = (
                f"was trained with {name} as {column.sql_type}; schema.py declares it as "
                f"{known[name].sql_type}"
            )
        else:
            continue
        raise ProjectError(
            f"{project}: version {version} {problem}",
            hint=f"train a new version: mlops run {project}; or choose another one: mlops history {project}",
        )
    return contract.with_columns([_stricter(column, wanted[column.name]) for column in contract.columns])


def _stricter(declared: "Column", of_model: "Column") -> "Column":
    """A column that is required, or never null, if the contract or the model says so."""
    return replace(
        declared,
        nullable=declared.nullable and of_model.nullable,
        required=declared.required or of_model.required,
        sensitive=declared.sensitive or of_model.sensitive,
    )


def _key_of(raw: dg.AssetSpec) -> tuple[str, ...]:
    return tuple(raw.metadata[IDENTITY].value) if IDENTITY in raw.metadata else ()
