"""The contracts of the input rows of a model: those of the project, for the columns that the model reads."""

from dataclasses import replace
from typing import NamedTuple

from mlops_assets.core import names
from mlops_assets.core.errors import ProjectError
from mlops_assets.ml.contracts.batch_check import contract_of_types
from mlops_assets.ml.contracts.columns import Column
from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.model.model_spec import ModelSpec


class InputContracts(NamedTuple):
    """The contracts of the input rows of a model, as `RowScorer` takes them.

    Attributes
    ----------
    contract
        Casts the input columns.
    features_contract
        Rules of the input columns once they are cast, if the input consists of features and the project
        declares some.
    """

    contract: Contract
    features_contract: Contract | None = None


def raw_input_contracts(contract: Contract, spec: ModelSpec, version: int) -> InputContracts:
    """The contract of rows like those of a table, without the target and rules that read it.

    Raises
    ------
    ProjectError
        If the contract of the table lacks an input column, or declares it with another type.
    """
    wanted = {column.name: column for column in spec.columns}
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
            f"{spec.project}: version {version} {problem}",
            hint=f"train a new version: mlops run {spec.project}; or choose another one: "
            f"mlops history {spec.project}",
        )
    columns = [_stricter(column, wanted[column.name]) for column in contract.columns]
    return InputContracts(contract.with_columns(columns))


def feature_input_contracts(declared: Contract | None, spec: ModelSpec) -> InputContracts:
    """The contracts of rows of features.

    Parameters
    ----------
    declared
        The contract of the features, if the project has one.
    """
    known = {column.name for column in spec.columns}
    if declared is not None:
        for name in [name for name in declared.names if name not in known]:
            declared = declared.without(name)
    contract = contract_of_types(spec.columns, subject=f"{spec.project}: {names.FEATURES}")
    return InputContracts(contract, declared)


def _stricter(declared: Column, of_model: Column) -> Column:
    """A column that is required, or never null, if the contract or the model says so."""
    return replace(
        declared,
        nullable=declared.nullable and of_model.nullable,
        required=declared.required or of_model.required,
        sensitive=declared.sensitive or of_model.sensitive,
    )
