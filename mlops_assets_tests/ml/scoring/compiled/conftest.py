"""Small models with the contract of their rows, and the reference for rows of plain values."""

from collections.abc import Callable
from typing import Any

import pandera.pandas as pa
import pytest

from mlops_assets.core.names import BROKEN_RULES, SOURCE_ROW
from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.features.preprocessing import default_pipeline
from mlops_assets.ml.model.model_spec import ModelSpec
from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.ml.scoring.input_contract import InputContracts, raw_input_contracts
from mlops_assets.ml.scoring.plain_rows import rows_batch
from mlops_assets.ml.scoring.row_scorer import RowScorer

SQL = "select row_id, size, weight, size / nullif(weight, 0) as ratio, kind from vehicles"
CLASSES = {"regression": (), "binary": ("no", "yes"), "multiclass": ("a", "b", "c")}
PARAMS = {"xgboost": {"eta": 0.3, "max_depth": 3}, "linear": {"penalty": 1.0}}
SCHEMA = pa.DataFrameSchema(
    {
        "size": pa.Column(float, pa.Check.in_range(0, 1_000), nullable=True),
        "weight": pa.Column(float, [pa.Check.gt(-50), pa.Check.le(50)]),
        "kind": pa.Column(str, pa.Check.isin(["car", "van", "boat"]), nullable=True, required=False),
    },
    checks=pa.Check(lambda frame: ~(frame["size"] > 100 * (frame["weight"] + 60)), name="light"),
)


@pytest.fixture
def small_model(problem: Callable[..., Any]) -> Callable[..., tuple[TabularModel, InputContracts]]:
    """A model of a task whose rows are vehicles."""

    def make(
        task: str, *, pipeline: Callable[[], Any] = default_pipeline, schema: Any = SCHEMA, **spec: Any
    ) -> tuple[TabularModel, InputContracts]:
        features, target, settings = problem(task)
        features = features.assign(ratio=features["size"] / features["weight"])
        contract = Contract.of(schema, subject="garage: table vehicles")
        family = spec.pop("family", "xgboost")
        whole = ModelSpec(
            project="garage",
            task=task,
            target="price",
            table="vehicles",
            columns=contract.columns,
            features=("size", "weight", "ratio", "kind"),
            classes=CLASSES[task],
            family=family,
            params=spec.pop(
                "params", {"eta": 0.3, "max_depth": 3} if family == "xgboost" else {"penalty": 1.0}
            ),
            rounds=12 if family == "xgboost" else None,
            seed=0,
            **spec,
        )
        columns = features[list(whole.features)]
        model = TabularModel.fit(whole, SQL, columns, target, pipeline, settings)
        return model, raw_input_contracts(contract, whole, 1)

    return make


@pytest.fixture
def reference() -> Callable[..., list[Any]]:
    """The outputs of rows in one batch, or the rules that a row violates."""

    def score(model: TabularModel, contracts: InputContracts, rows: list[dict[str, Any]]) -> list[Any]:
        scorer = RowScorer(model, contracts.contract, [SOURCE_ROW], contracts.features_contract)
        scored = scorer.score(rows_batch(rows, contracts.contract.columns, SOURCE_ROW))
        found: dict[int, Any] = {row.pop(SOURCE_ROW): row for row in scored.predicted.to_pylist()}
        found |= {row[SOURCE_ROW]: row[BROKEN_RULES] for row in scored.rejected.to_pylist()}
        return [found[place] for place in range(len(rows))]

    return score
