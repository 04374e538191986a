"""The rows that a project's models predict from: the contract and the format of their files."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.project.declared_tables import clock_of, formats_of
from mlops_assets.components.model_project.project.metadata_names import DIALECT, FOLDER, IDENTITY, SENSITIVE
from mlops_assets.core import names
from mlops_assets.stores.files.csv_dialect import Dialect
from mlops_assets.stores.project_folder.files import ProjectFiles
from mlops_assets.stores.project_folder.table_declaration import TableDeclaration
from mlops_assets.stores.sources.base import Ingestion
from mlops_assets.workspace.workspace import Workspace

if TYPE_CHECKING:
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
    from mlops_assets.ml.scoring.input_contract import feature_input_contracts, raw_input_contracts

    if workspace.timeline(project) is None:
        raw = raw_spec(workspace, project)
        contract, _ = raw_input_contracts(table_contract(project, raw), model.spec, version)
        table, key = names.table_of(raw.key.path), _key_of(raw)
        return PredictionInput(Ingestion(project, table, dialect=dialect_of(raw)), contract, None, key)
    files = ProjectFiles(project, Path(workspace.metadata(project, FOLDER)[FOLDER]))
    contract, features = feature_input_contracts(files.feature_contract(), model.spec)
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
    return table_declaration(raw).contract(ProjectFiles(project, Path(raw.metadata[FOLDER])))


def table_declaration(raw: dg.AssetSpec) -> TableDeclaration:
    """How the rows of a table are written."""
    dialect, (zone, ambiguous) = dialect_of(raw), clock_of(raw.metadata)
    return TableDeclaration(
        names.table_of(raw.key.path),
        key=_key_of(raw),
        decimal=dialect.decimal,
        thousands=dialect.thousands,
        time_zone=zone,
        ambiguous_times=ambiguous,
        formats={name: declared.to_settings() for name, declared in formats_of(raw.metadata)},
        sensitive=tuple(raw.metadata.get(SENSITIVE, ())),
    )


def _key_of(raw: dg.AssetSpec) -> tuple[str, ...]:
    return tuple(raw.metadata[IDENTITY].value) if IDENTITY in raw.metadata else ()
