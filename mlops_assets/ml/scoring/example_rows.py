"""Example rows as a client would send them, which follow the types and value rules of a contract."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from mlops_assets.ml.contracts.column_format import EPOCHS
from mlops_assets.ml.contracts.columns import Column
from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.contracts.value_rules import ValueRules, value_rules
from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.ml.scoring.compiled.matrix import known_texts
from mlops_assets.ml.scoring.input_contract import InputContracts
from mlops_assets.ml.scoring.plain_rows import Row

_FIRST_DAY = datetime(2024, 1, 1, 12)
_USUAL_WIDTH = 100.0
_CANDIDATES = 200


def example_rows(model: TabularModel, contracts: InputContracts) -> list[Row]:
    """Rows of plain values, with texts that a model knows; rules of several columns may be violated."""
    rules, texts = contracts.features_contract or contracts.contract, known_texts(model.pipeline)
    values = example_columns(contracts.contract, rules, _CANDIDATES, texts=texts)
    return [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]


def example_columns(
    contract: Contract,
    rules: Contract,
    count: int,
    *,
    texts: Mapping[str, Sequence[str]] | None = None,
    seed: int = 0,
) -> dict[str, list[Any]]:
    """Values of each column as a client would send them in JSON, the same at each call.

    Rules of several columns may be violated.

    Parameters
    ----------
    contract
        The columns.
    rules
        The contract whose checks apply, which may have fewer columns.
    texts
        Usual texts of columns that declare no allowed values.
    """
    random, (checks, _) = np.random.default_rng(seed), rules.checks
    return {
        column.name: _values(
            column,
            _with_texts(value_rules(checks.get(column.name, ())), (texts or {}).get(column.name, ())),
            count,
            random,
        )
        for column in contract.columns
    }


def _with_texts(rules: ValueRules, texts: Sequence[str]) -> ValueRules:
    return replace(rules, allowed=tuple(texts)) if texts and rules == ValueRules() else rules


def _values(column: Column, rules: ValueRules, count: int, random: np.random.Generator) -> list[Any]:
    if rules.allowed:
        return [rules.allowed[place] for place in random.integers(0, len(rules.allowed), count)]
    match column.sql_type:
        case "BOOLEAN":
            return [bool(value) for value in random.integers(0, 2, count)]
        case "BIGINT" | "DOUBLE":
            return _numbers(rules, random.random(count), whole=column.sql_type == "BIGINT")
        case "TIMESTAMP" | "DATE":
            days = random.integers(0, 365, count)
            return [_time(column, _FIRST_DAY + timedelta(days=int(day))) for day in days]
    width = max(rules.shortest or 1, min(4, rules.longest or 4))
    return ["abcdefghij"[place % 10] * width for place in random.integers(0, 10, count)]


def _numbers(rules: ValueRules, shares: np.ndarray, *, whole: bool) -> list[Any]:
    low, high = rules.low, rules.high
    if math.isinf(low) and math.isinf(high):
        low, high = 0.0, _USUAL_WIDTH
    low = high - _USUAL_WIDTH if math.isinf(low) else low
    high = low + _USUAL_WIDTH if math.isinf(high) else high
    if whole:
        first = math.floor(low) + 1 if rules.above_low else math.ceil(low)
        last = math.ceil(high) - 1 if rules.below_high else math.floor(high)
        return [first + int(share * (last - first + 1)) for share in shares]
    values = low + shares * (high - low)
    rounded = np.round(values, 2)
    inside = (rounded > low) & (rounded < high)
    return [float(value) for value in np.where(inside, rounded, values)]


def _time(column: Column, time: datetime) -> Any:
    if column.format in EPOCHS:
        return int(time.timestamp() * 10**6 / EPOCHS[column.format])
    if column.format:
        return time.strftime(column.format.replace("%g", "%f").replace("%n", "%f"))
    return time.date().isoformat() if column.sql_type == "DATE" else time.isoformat()
