"""Rows that satisfy a contract, by which a scorer finds the features that its contributions belong to."""

from mlops_assets.ml.contracts.examples import example_columns
from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.ml.scoring.compiled.matrix import known_texts
from mlops_assets.ml.scoring.input_contract import InputContracts
from mlops_assets.ml.scoring.plain_rows import Row, rows_batch
from mlops_assets.ml.scoring.row_scorer import RowScorer

_CANDIDATES = 200


def example_rows(model: TabularModel, contracts: InputContracts) -> list[Row]:
    """Rows that follow the value rules of the columns; some may violate rules of several columns."""
    rules, texts = contracts.features_contract or contracts.contract, known_texts(model.pipeline)
    values = example_columns(contracts.contract, rules, _CANDIDATES, texts=texts)
    return [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]


def prepare_contributions(scorer: RowScorer, contracts: InputContracts, position: str) -> None:
    """Prepare a scorer: a single row does not show which features a column of the pipeline depends on."""
    rows = example_rows(scorer.model, contracts)
    scorer.prepare_contributions(rows_batch(rows, contracts.contract.columns, position))
