"""Compiled scorers that were compared with the reference, step by step, on example rows of the model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from time import monotonic
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.core.errors import MlopsError
from mlops_assets.core.names import SOURCE_ROW
from mlops_assets.ml.features.preprocessing import feature_frame, transform
from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.ml.scoring.compiled.contract.typed_rows import TypedRows
from mlops_assets.ml.scoring.compiled.cores import ONE_CORE, Cores
from mlops_assets.ml.scoring.compiled.feature_plan import FeaturePlan
from mlops_assets.ml.scoring.compiled.matrix import Columns, ToMatrix, known_texts
from mlops_assets.ml.scoring.compiled.not_compiled import NotCompiledError
from mlops_assets.ml.scoring.compiled.scorer import CompiledScorer
from mlops_assets.ml.scoring.compiled.verification_rows import verification_rows
from mlops_assets.ml.scoring.input_contract import InputContracts
from mlops_assets.ml.scoring.plain_rows import rows_batch
from mlops_assets.ml.scoring.row_scorer import RowScorer

_ROWS, _LEAST = 40, 8
_SECONDS = 2.0
"""How long example rows are drawn; the rules of several columns may reject most of them."""
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Compilation:
    """The compiled scorer of a model, or why there is none.

    Attributes
    ----------
    scorer
        None if all rows are scored by the reference.
    reference_steps
        Steps that the reference computes inside the compiled scorer.
    reason
        Why there is no scorer; empty if there is one.
    examples
        Example rows for which both had the same answers.
    depends_on_batch
        Whether `features.sql` has other results for one row than for several, by the reference, too.
    """

    scorer: CompiledScorer | None
    reference_steps: tuple[str, ...] = ()
    reason: str = ""
    examples: Sequence[Row] = ()
    depends_on_batch: bool = False

    def describe(self) -> dict[str, Any]:
        """How rows are scored, and why, for clients."""
        if self.scorer is None:
            return {"path": "reference", "reason": self.reason}
        steps = list(self.reference_steps)
        return {"path": "compiled", "verified_rows": len(self.examples), "reference_steps": steps}


class _DependsOnBatchError(NotCompiledError):
    """The reference computes other features of a row alone than among others."""


def compile_scorer(model: TabularModel, contracts: InputContracts, cores: Cores = ONE_CORE) -> Compilation:
    """Compile a model and compare each step with the reference, bit for bit.

    Parameters
    ----------
    cores
        Compute the predictions of many rows.
    """
    try:
        return _compiled(model, contracts, cores)
    except _DependsOnBatchError as error:
        return Compilation(None, reason=str(error), depends_on_batch=True)
    except NotCompiledError as error:
        return Compilation(None, reason=str(error))
    except MlopsError as error:  # the reference fails on the example rows
        return Compilation(None, reason=f"no example rows: {error.without_values or error.message}")


def _compiled(model: TabularModel, contracts: InputContracts, cores: Cores) -> Compilation:
    typed = TypedRows.of(contracts.contract, contracts.features_contract)
    rows = _examples(model, contracts, typed)
    batch = rows_batch(rows, contracts.contract.columns, SOURCE_ROW)
    frame = batch.drop_columns([SOURCE_ROW]).to_pandas()
    features = feature_frame(model.compute_features(frame))
    types = {name: features[name].dtype.kind for name in model.spec.features}
    scorer = CompiledScorer.of(model, typed, types, cores)
    expected_features = [_row_of(features, place, types) for place in range(len(rows))]
    steps, columns = [], _feature_columns(scorer, rows)
    plan = scorer.features
    if (
        isinstance(plan, FeaturePlan)
        and plan.expressions
        and not all(map(_equal, expected_features, columns))
    ):
        plan.expressions = None
        steps, columns = ["features"], _feature_columns(scorer, rows)
    if not all(map(_equal, expected_features, columns)):
        reason = "features.sql has other results for one row than for several"
        apart = [feature_frame(model.compute_features(frame.iloc[[place]])) for place in range(len(rows))]
        is_own = all(map(_equal, expected_features, [_row_of(one, 0, types) for one in apart]))
        raise NotCompiledError(reason) if is_own else _DependsOnBatchError(reason)
    scorer, replaced = _verified_steps(model, scorer, features, columns)
    reference = RowScorer(model, contracts.contract, [SOURCE_ROW], contracts.features_contract)
    scored = reference.score(batch)
    if scored.rejected.num_rows:
        raise NotCompiledError("the compiled contract accepts rows that the contract rejects")
    expected = list(map(repr, scored.predicted.drop_columns([SOURCE_ROW]).to_pylist()))
    alone = [repr(scorer.score([row])[0]) for row in rows]
    few, many = (list(map(repr, scorer.score(rows[:count]))) for count in (_LEAST, len(rows)))
    if alone != expected or few != expected[:_LEAST] or many != expected:
        raise NotCompiledError("the answers differ from those of the reference")
    return Compilation(scorer, (*steps, *replaced), examples=tuple(rows))


def _examples(model: TabularModel, contracts: InputContracts, typed: TypedRows) -> list[dict[str, Any]]:
    declared = [contract for contract in contracts if contract is not None]
    end = monotonic() + _SECONDS
    drawn = takewhile(lambda _: monotonic() < end, verification_rows(declared, known_texts(model.pipeline)))
    rows = list(islice((row for row in drawn if typed.read(row) is not None), _ROWS))
    if len(rows) < _LEAST:
        raise NotCompiledError("too few example rows satisfy the contract")
    return rows


def _feature_columns(scorer: CompiledScorer, rows: Sequence[Row]) -> list[Columns]:
    """The features of each row, computed alone."""
    found = []
    for row in rows:
        values = scorer.typed.read(row)
        features = None if values is None else scorer.features(values)
        if features is None:
            raise NotCompiledError("features.sql fails for example rows")
        found.append(scorer.columns([features]))
    return found


def _verified_steps(
    model: TabularModel, scorer: CompiledScorer, features: pd.DataFrame, columns: Sequence[Columns]
) -> tuple[CompiledScorer, tuple[str, ...]]:
    """The scorer with the reference in place of steps that differ, and the names of these."""
    steps = []
    matrix = transform(model.pipeline, features[list(model.spec.features)])
    if not _same(matrix, lambda place: scorer.matrix(columns[place])):
        scorer = replace(scorer, matrix=_reference_matrix(model))
        steps.append("pipeline")
    predictions = model.estimator.predict(matrix)
    if not _same(predictions, lambda place: scorer.predict(matrix[place : place + 1])):
        scorer = replace(scorer, predict=model.estimator.predict)
        steps.append("estimator")
    return scorer, tuple(steps)


def _reference_matrix(model: TabularModel) -> ToMatrix:
    names = list(model.spec.features)
    return lambda columns: transform(model.pipeline, pd.DataFrame({name: columns[name] for name in names}))


def _same(expected: NDArray, computed: Callable[[int], NDArray]) -> bool:
    """Whether a function of single rows returns the same bits as the reference for all rows."""
    try:
        found = np.concatenate([computed(place) for place in range(len(expected))])
    except NotCompiledError:
        return False
    return found.dtype == expected.dtype and found.shape == expected.shape and _bits(found) == _bits(expected)


def _bits(values: NDArray) -> bytes:
    """The bytes of numbers, with one NaN for all."""
    return np.where(np.isnan(values), np.nan, values).tobytes()


def _row_of(features: pd.DataFrame, place: int, types: Mapping[str, str]) -> Columns:
    return {name: features[name].to_numpy()[place : place + 1] for name in types}


def _equal(one: Columns, other: Columns) -> bool:
    return all(list(map(repr, one[name].tolist())) == list(map(repr, other[name].tolist())) for name in one)
