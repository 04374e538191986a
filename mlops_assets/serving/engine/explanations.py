"""Contributions of features to served predictions, computed by the reference of the batch predictions."""

from threading import Lock
from weakref import WeakKeyDictionary

from mlops_assets.ml.contracts.examples import example_columns
from mlops_assets.ml.scoring.row_scorer import RowScorer
from mlops_assets.ml.scoring.untyped_rows import typed_columns
from mlops_assets.serving.engine.served_model import POSITION, ServedModel
from mlops_assets.serving.engine.position import with_position

MOST_FEATURES = 50
_EXAMPLES = 200


class Explainers:
    """Scorers with contributions, for each loaded version.

    The features that the columns of a pipeline depend on are found with rows that satisfy the contract: a
    request may have a single row, which does not show them.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: WeakKeyDictionary[ServedModel, dict[int, RowScorer]] = WeakKeyDictionary()

    def scorer(self, model: ServedModel, count: int) -> RowScorer:
        """The scorer of a version whose outputs list `count` features; the first call takes a while."""
        with self._lock:
            scorers = self._known.setdefault(model, {})
            if count not in scorers:
                scorers[count] = _scorer(model, count)
            return scorers[count]


def _scorer(model: ServedModel, count: int) -> RowScorer:
    contracts = model.contracts
    scorer = RowScorer(
        model.model, contracts.contract, [POSITION], contracts.features_contract, contributions=count
    )
    rules = contracts.features_contract or contracts.contract
    values = example_columns(contracts.contract, rules, _EXAMPLES)
    scorer.score(with_position(typed_columns(contracts.contract.columns, values).columns, _EXAMPLES))
    return scorer
