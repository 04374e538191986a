"""Rows that satisfy a contract, by which a scorer finds the features that its contributions belong to."""

from mlops_assets.ml.contracts.examples import example_columns
from mlops_assets.ml.scoring.input_contract import InputContracts
from mlops_assets.ml.scoring.plain_rows import Row, rows_batch
from mlops_assets.ml.scoring.row_scorer import RowScorer

_CANDIDATES = 200


def example_rows(contracts: InputContracts) -> list[Row]:
    """Rows that follow the value rules of the columns; some may violate rules of several columns."""
    rules = contracts.features_contract or contracts.contract
    values = example_columns(contracts.contract, rules, _CANDIDATES)
    return [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]


def prepare_contributions(scorer: RowScorer, contracts: InputContracts, position: str) -> None:
    """Prepare a scorer: a single row does not show which features a column of the pipeline depends on."""
    scorer.prepare_contributions(rows_batch(example_rows(contracts), contracts.contract.columns, position))
