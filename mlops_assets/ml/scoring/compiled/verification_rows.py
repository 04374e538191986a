"""Random rows, some with extreme or missing values, that compare a compiled scorer with the reference."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pandera.pandas as pa

from mlops_assets.ml.contracts.columns import Column
from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.contracts.value_rules import value_rules

_MISSING_SHARE = 0.15
_EXTREME_SHARE = 0.15
_WORDS = ("", "a", "ä", "north", "a longer text with several words", "0", "NaN", "null")


def verification_rows(
    contracts: Sequence[Contract], categories: Mapping[str, Sequence[str]], *, seed: int = 0
) -> Iterator[dict[str, Any]]:
    """Endless rows of plain values, most of which satisfy the checks of single columns.

    Parameters
    ----------
    contracts
        The contract of the columns, and further contracts with checks of these columns.
    categories
        Texts by the name of their column, which are drawn beside unknown ones.
    """
    random = Random(seed)
    columns = contracts[0].columns
    checks: dict[str, list[pa.Check]] = {column.name: [] for column in columns}
    nullable = {column.name: True for column in columns}
    for contract in contracts:
        for column in contract.columns:
            checks[column.name] += contract.checks[0][column.name]
            nullable[column.name] &= column.nullable
    draws = [
        (
            column.name,
            nullable[column.name],
            _Drawn(column, checks[column.name], categories.get(column.name, ())),
        )
        for column in columns
    ]
    while True:
        yield {
            name: None if may_lack and random.random() < _MISSING_SHARE else drawn.value(random)
            for name, may_lack, drawn in draws
        }


class _Drawn:
    """Random values of a column."""

    def __init__(self, column: Column, checks: Sequence[pa.Check], categories: Sequence[str]) -> None:
        rules = value_rules(checks)
        self._type, self._low, self._high = column.sql_type, rules.low, rules.high
        self._only_listed = rules.allowed is not None
        self._listed: Sequence[Any] = rules.allowed or categories

    def value(self, random: Random) -> Any:
        """Draw a value; a few are extreme."""
        if self._listed and (self._only_listed or random.random() < 1 - _EXTREME_SHARE):
            return random.choice(self._listed)
        match self._type:
            case "BOOLEAN":
                return random.random() < 0.5
            case "VARCHAR":
                return random.choice(_WORDS)
            case "TIMESTAMP" | "DATE":
                return _time(random, with_time=self._type == "TIMESTAMP")
        number = self._number(random)
        return math.floor(number) if self._type == "BIGINT" else number

    def _number(self, random: Random) -> float:
        low = self._low if self._low > -math.inf else -1e6 if self._high == math.inf else self._high - 1e6
        high = self._high if self._high < math.inf else low + 1e6
        if random.random() < _EXTREME_SHARE:
            return random.choice([low, high, 0.0, 1.0, (low + high) / 2])
        if math.isinf(self._low) or math.isinf(self._high):
            size = 10 ** random.uniform(-3, 6)
            signed = size if random.random() < 0.7 else -size
            number = low + size if self._low > -math.inf else high - size if self._high < math.inf else signed
        else:
            number = random.uniform(low, high)
        return float(round(number)) if random.random() < 0.3 else number


def _time(random: Random, *, with_time: bool) -> str:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=random.randrange(2_000_000_000))
    return at.strftime("%Y-%m-%d %H:%M:%S" if with_time and random.random() < 0.7 else "%Y-%m-%d")
