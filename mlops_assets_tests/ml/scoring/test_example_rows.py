"""Example values follow the rules of their column."""

import pandera.pandas as pa
import pytest

from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.contracts.value_rules import ValueRules, value_rules
from mlops_assets.ml.scoring.example_rows import example_columns


class Parcels(pa.DataFrameModel):
    weight: float = pa.Field(gt=0, le=0.5)
    count: int = pa.Field(in_range={"min_value": 3, "max_value": 4})
    country: str = pa.Field(isin=["NO", "IT", "DE"])
    code: str = pa.Field(str_length={"min_value": 2, "max_value": 3})
    insured: bool
    sent_at: pa.DateTime
    note: str = pa.Field(nullable=True)


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract.of(Parcels, subject="post: table parcels")


def test_values_follow_bounds_lengths_and_allowed_values(contract: Contract):
    found = example_columns(contract, contract, 50, texts={"note": ["fragile"], "country": ["FR"]})
    assert all(0 < value <= 0.5 for value in found["weight"])
    assert set(found["count"]) == {3, 4}
    assert set(found["country"]) == {"NO", "IT", "DE"}
    assert {len(value) for value in found["code"]} <= {2, 3}
    assert set(found["insured"]) == {True, False}
    assert found["sent_at"][0].startswith("2024-")
    assert set(found["note"]) == {"fragile"}
    assert example_columns(contract, contract, 50) == example_columns(contract, contract, 50)


def test_of_several_bounds_the_tightest_counts():
    checks = [pa.Check.ge(1), pa.Check.gt(1), pa.Check.in_range(-5, 9, include_max=False), pa.Check.le(9)]
    assert value_rules(checks) == ValueRules(1, 9, above_low=True, below_high=True)
    assert value_rules([pa.Check.isin(["b", "a"]), pa.Check(lambda x: x > 0)]) == ValueRules(
        allowed=("a", "b")
    )
