"""Failing rows of a check are those of pandera's report, which is not made for them."""

from typing import Any

import pandas as pd
import pandera.pandas as pa
import pytest
from pandera.backends.pandas import error_formatters

from mlops_assets.ml.contracts import contract as module
from mlops_assets.ml.contracts.contract import Contract

FRAME = pd.DataFrame({"a": [1.0, 5.0, None, 3.0], "b": [2.0, 4.0, 1.0, None]}, index=[9, 9, 8, 8])


def below(frame: pd.DataFrame) -> pd.Series:
    return frame["a"] < frame["b"]


CHECKS: dict[str, list[pa.Check]] = {
    "named": [pa.Check(below, name="in_order")],
    "with an error": [pa.Check(below, name="in_order", error="a is not below b")],
    "of a function": [pa.Check(below)],
    "missing values count": [pa.Check(below, name="in_order", ignore_na=False)],
    "nullable booleans": [pa.Check(lambda frame: below(frame).astype("boolean"), name="nullable")],
    "a warning": [pa.Check(below, name="in_order", raise_warning=True)],
    "some cases": [pa.Check(below, name="in_order", n_failure_cases=1)],
    "element-wise": [pa.Check(lambda row: row["a"] < row["b"], name="each", element_wise=True)],
    "a frame": [pa.Check(lambda frame: frame[["a", "b"]] > 2, name="both")],
    "several": [
        pa.Check(lambda frame: frame["a"] + frame["b"] > 5, name="second"),
        pa.Check(lambda frame: below(frame).astype("boolean"), name="first"),
        pa.Check(below, name="in_order"),
    ],
}


def read(checks: list[pa.Check]) -> Contract:
    columns = {name: pa.Column(float, nullable=True) for name in FRAME}
    return Contract.of(pa.DataFrameSchema(columns, checks=checks), subject="shop: orders")


@pytest.mark.filterwarnings("ignore::pandera.errors.SchemaWarning")
@pytest.mark.parametrize("kind", CHECKS)
def test_the_rules_are_those_of_panderas_report(monkeypatch: pytest.MonkeyPatch, kind: str):
    declared = read(CHECKS[kind])
    found = declared.broken_rules(FRAME)
    monkeypatch.setattr(module, "failing_rows", lambda *_: None)
    assert found == declared.broken_rules(FRAME)
    assert found or kind == "a warning"


COLUMN_CHECKS: dict[str, tuple[Any, list[pa.Check]]] = {
    "built in": (float, [pa.Check.gt(2), pa.Check.isin([1.0, 5.0]), pa.Check.le(4, error="too large")]),
    "nullable integers": ("Int64", [pa.Check.gt(2), pa.Check(lambda values: values < 5, name="small")]),
    "missing values count": (float, [pa.Check(lambda values: values > 2, name="known", ignore_na=False)]),
    "element-wise": (float, [pa.Check(lambda value: value > 2, name="each", element_wise=True)]),
    "texts": (str, [pa.Check.str_matches("[35]"), pa.Check.str_length(1, 2)]),
    "a warning": (float, [pa.Check.gt(2, raise_warning=True)]),
    "some cases": (float, [pa.Check.gt(2, n_failure_cases=1)]),
}


@pytest.mark.filterwarnings("ignore::pandera.errors.SchemaWarning")
@pytest.mark.parametrize("kind", COLUMN_CHECKS)
def test_the_rules_of_a_column_are_those_of_panderas_report(monkeypatch: pytest.MonkeyPatch, kind: str):
    dtype, checks = COLUMN_CHECKS[kind]
    columns = {
        "a": pa.Column(dtype, checks, nullable=True),
        "b": pa.Column(float, pa.Check.lt(3), nullable=True),
    }
    declared = Contract.of(pa.DataFrameSchema(columns), subject="shop: orders")
    texts = FRAME["a"].map(lambda value: None if pd.isna(value) else f"{value:g}")
    frame = FRAME.assign(a=texts if dtype is str else FRAME["a"].astype(dtype))
    found = declared.broken_rules(frame)
    monkeypatch.setattr(module, "failing_values", lambda *_: None)
    assert found == declared.broken_rules(frame)
    assert any(rule.startswith("a: ") for rules in found.values() for rule in rules) or kind == "a warning"


def test_values_of_failing_rows_are_not_listed(monkeypatch: pytest.MonkeyPatch):
    def listed(*_: Any) -> pd.DataFrame:
        raise AssertionError("pandera lists the values of a failing row")

    declared = read([pa.Check(below, name="in_order")])
    monkeypatch.setattr(error_formatters, "reshape_failure_cases", listed)
    monkeypatch.setattr("pandera.backends.pandas.base.reshape_failure_cases", listed)
    assert set(declared.broken_rules(FRAME)) == {1, 2, 3}
