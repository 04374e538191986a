"""The filter before pandera: a row that passes it is valid, all others are validated by pandera."""

from datetime import date, datetime
from typing import Any

import duckdb
import pandas as pd
import pandera.pandas as pa
import pyarrow as arrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.ml.contracts.contract import Contract

KINDS: dict[str, Any] = {
    "BIGINT": int,
    "DOUBLE": float,
    "VARCHAR": str,
    "TIMESTAMP": "datetime64[ns]",
    "DATE": "date",
}
BIG = 2**53
WHOLE = st.sampled_from([0, 1, 2, -3, 7, BIG, BIG + 1, -BIG - 1, 2**63 - 1, -(2**63)]) | st.integers(-5, 5)
NUMBERS = st.sampled_from(
    [0.0, -0.0, 0.1, 0.5, 2.5, -3.0, float(BIG), 1e300, 5e-324, float(2**63)]
) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.sampled_from(
    ["", "a", "ab", "abc", "a\n", "\na", "1", "12", "٣", "é", "e\u0301", "A-1", "'", "😀"]
)
TIMESTAMPS = st.datetimes(datetime(2023, 12, 30), datetime(2024, 1, 3))
VALUES = {
    "BIGINT": WHOLE,
    "DOUBLE": NUMBERS,
    "VARCHAR": TEXTS | st.text(max_size=4).filter(lambda text: "\0" not in text),
    "TIMESTAMP": TIMESTAMPS,
    "DATE": st.dates(date(2023, 12, 30), date(2024, 1, 3)),
}
BOUNDS = {**VALUES, "BIGINT": WHOLE | NUMBERS, "DOUBLE": WHOLE | NUMBERS}
PATTERNS = st.sampled_from(
    [r"a", r"a$", r"^a.*", r"[A-Z]-\d$", r"\d+$", r"[^,]+$", r"(?:a|b)c?$", r"a{2,3}", r".\n", r"é", r"a.?$"]
)


def comparisons(kind: str) -> st.SearchStrategy[pa.Check]:
    bound = BOUNDS[kind]
    # pandera itself fails over a missing integer that it does not ignore.
    ignore_na = st.just(True) if kind == "BIGINT" else st.booleans()
    single = st.builds(
        lambda make, value, ignore_na: make(value, ignore_na=ignore_na),
        st.sampled_from([pa.Check.gt, pa.Check.ge, pa.Check.lt, pa.Check.le, pa.Check.eq, pa.Check.ne]),
        bound,
        ignore_na,
    )
    within = st.builds(
        lambda ends, low, high: pa.Check.in_range(*sorted(ends), include_min=low, include_max=high),
        st.tuples(bound, bound).filter(lambda ends: ends[0] != ends[1]),
        st.booleans(),
        st.booleans(),
    )
    among = st.builds(
        lambda make, values, ignore_na: make(values, ignore_na=ignore_na),
        st.sampled_from([pa.Check.isin, pa.Check.notin]),
        st.lists(bound, min_size=1, max_size=4),
        ignore_na,
    )
    return single | within | among


TEXT_CHECKS = st.one_of(
    comparisons("VARCHAR"),
    st.builds(pa.Check.str_matches, PATTERNS),
    st.builds(pa.Check.str_contains, PATTERNS),
    st.builds(pa.Check.str_startswith, TEXTS),
    st.builds(pa.Check.str_endswith, TEXTS),
    st.builds(pa.Check.str_length, st.integers(0, 2), st.none() | st.integers(2, 3)),
)
CASES = st.sampled_from(list(KINDS)).flatmap(
    lambda kind: st.tuples(
        st.just(kind),
        TEXT_CHECKS if kind == "VARCHAR" else comparisons(kind),
        st.lists(st.none() | VALUES[kind], min_size=1, max_size=8),
    )
)


def passed_and_broken(contract: Contract, kind: str, values: list[Any]) -> tuple[set[int], set[int]]:
    """The rows that pass the filter, and those that violate a rule according to pandera."""
    screen = contract.screen
    with duckdb.connect() as connection:
        connection.execute(f"create table rows (place int, a {kind})")
        connection.executemany("insert into rows values (?, ?)", [[*pair] for pair in enumerate(values)])
        ordered = connection.sql(f"select *, {screen.sql} as passed from rows order by place")
        batch = ordered.to_arrow_table()
    results = batch.column("passed").to_pylist()
    assert all(result is not None for result in results)
    typed = batch.select(["a"]).to_pandas(types_mapper={arrow.int64(): pd.Int64Dtype()}.get)
    suspects = screen.suspects(typed[list(screen.columns)])
    passed = {
        place
        for place, (result, suspect) in enumerate(zip(results, suspects, strict=True))
        if result and not suspect
    }
    return passed, set(contract.broken_rules(typed))


def contract_of(kind: Any, *checks: pa.Check, table: list[pa.Check] | None = None) -> Contract:
    schema = pa.DataFrameSchema({"a": pa.Column(kind, list(checks), nullable=True)}, checks=table or [])
    return Contract.of(schema, subject="shop: table orders")


@given(CASES)
@settings(max_examples=60, deadline=None)
def test_rows_that_pass_the_filter_are_valid_for_pandera(case):
    kind, check, values = case
    contract = contract_of(KINDS[kind], check)
    passed, broken = passed_and_broken(contract, kind, values)
    assert not passed & broken
    if check.name not in (
        "str_matches",
        "str_contains",
    ):  # RE2 matches less: ASCII digits, `$` at the very end
        assert passed | broken >= {place for place, value in enumerate(values) if value is not None}


def test_a_contract_without_a_column_keeps_the_conditions_of_the_others():
    schema = pa.DataFrameSchema({"a": pa.Column(float, pa.Check.gt(0)), "b": pa.Column(float)})
    contract = Contract.of(schema, subject="shop: table orders").without("b")
    assert "> " in contract.screen.sql
    assert contract.screen.columns == ()


def test_a_custom_check_reads_its_own_column_only():
    contract = contract_of(float, pa.Check(lambda values: values.gt(1), name="mine"), pa.Check.lt(5))
    assert contract.screen.columns == ("a",)
    assert passed_and_broken(contract, "DOUBLE", [0.5, 2.0, 7.0, None]) == ({1, 3}, {0, 2})


def table_contract(check: Any) -> Contract:
    schema = pa.DataFrameSchema(
        {"a": pa.Column(float), "b": pa.Column(int), "c": pa.Column(str), "d": pa.Column(int, nullable=True)},
        checks=pa.Check(check, name="mine"),
    )
    return Contract.of(schema, subject="shop: table orders")


def test_a_check_of_the_table_reads_only_its_columns():
    screen = table_contract(lambda frame: frame["a"].le(frame.b + frame["d"])).screen
    assert (screen.sql, screen.columns) == ("true", ("a", "b", "d"))
    seen = pd.DataFrame({"a": [1.0, 5.0, 1.0], "b": [1, 2, 3], "d": pd.array([0, 1, None], dtype="Int64")})
    assert screen.suspects(seen).tolist() == [False, True, True]


@pytest.mark.parametrize(
    "check",
    [
        lambda frame: frame.isna().sum(axis=1) < 2,
        lambda frame: frame[["a", "b"]].max(axis=1) < 5,
        lambda frame: frame.a + len(frame.columns) > 0,
        lambda frame: pd.Series(frame.values[:, 0] > 0, index=frame.index),
        lambda frame: pd.Series(True, index=frame.index),
    ],
)
def test_pandera_validates_every_row_when_a_check_reads_the_table_itself(check: Any):
    screen = table_contract(check).screen
    assert (screen.sql, screen.columns) == ("false", ())


def test_a_check_that_reads_the_table_only_when_there_are_rows_is_left_to_pandera():
    def curious(frame: Any) -> Any:
        try:
            return (frame["a"] > 0) & (frame["b"] > 0 if len(frame["a"]) else True)
        except Exception:
            return frame["a"] > 0

    screen = table_contract(curious).screen
    assert screen.columns == ("a",)
    assert screen.suspects(pd.DataFrame({"a": [1.0, -1.0]})).tolist() == [True, True]


def test_a_check_that_raises_is_left_to_pandera():
    contract = contract_of(str, pa.Check(lambda texts: texts > 1, name="mine"))
    screen = contract.screen
    assert screen.suspects(pd.DataFrame({"a": ["x", "y"]})).tolist() == [True, True]
