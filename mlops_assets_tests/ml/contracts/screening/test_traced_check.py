"""Checks written in Python as SQL conditions: a row for which the condition holds passes the check."""

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pandera.pandas as pa
import pyarrow as arrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.ml.contracts.contract import Contract

TRACED = {
    "price": lambda t: t["paid"] <= t["count"] * t["price"] * 1.001,
    "sum": lambda t: t["count"] + t.more >= 0,
    "overflow": lambda t: t["count"] * t["count"] - t["count"] > 3,
    "share": lambda t: (t["paid"] / t["price"] < 0.5) | (1 - t["more"] == t["price"]),
    "whole share": lambda t: t["count"] / t["count"] == 1,
    "not": lambda t: ~((t["paid"] > t["more"]) & (2.5 * t["price"] != t["paid"])),
    "differs": lambda t: t["more"] != t["paid"],
    "fraction": lambda t: t["count"] < np.float64(0.5),
    "times": lambda t: (t["ended"] >= t["began"]) | t["ended"].isna(),
    "texts": lambda t: (t["kind"] == "a") | (t["kind"] != t["other"]),
    "flag": lambda t: t["flag"] | t["other"].notna(),
}
KINDS: dict[str, tuple[Any, bool]] = {
    "count": (int, False),
    "more": (int, True),
    "price": (float, False),
    "paid": (float, True),
    "began": ("datetime64[ns]", False),
    "ended": ("datetime64[ns]", True),
    "kind": (str, False),
    "other": (str, True),
    "flag": (bool, False),
}
NULLABLE = {arrow.int64(): pd.Int64Dtype(), arrow.bool_(): pd.BooleanDtype()}
WHOLE = st.sampled_from([0, 1, -1, 2, 2**53 + 1, -(2**62), 2**63 - 1]) | st.integers(-3, 3)
FRACTIONS = st.sampled_from([0.0, -0.0, 0.1, 1e308, -1e308, 5e-324]) | st.floats(-3, 3)
TIMES = st.datetimes(pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-02"))
VALUES = {"int": WHOLE, "float": FRACTIONS, "datetime64[ns]": TIMES, "str": st.sampled_from(["", "a", "é"])}
ROWS = st.tuples(
    *(
        (st.none() if null else st.nothing()) | VALUES.get(getattr(kind, "__name__", kind), st.booleans())
        for kind, null in KINDS.values()
    )
)


def contract_of(check: Any) -> Contract:
    columns = {name: pa.Column(kind, nullable=null) for name, (kind, null) in KINDS.items()}
    schema = pa.DataFrameSchema(columns, checks=pa.Check(check, name="mine"))
    return Contract.of(schema, subject="shop: table orders")


@settings(max_examples=25, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=8))
def test_a_row_for_which_the_condition_holds_passes_the_check(rows):
    types = [column.sql_type for column in contract_of(TRACED["price"]).columns]
    with duckdb.connect() as connection:
        declared = ", ".join(f'"{name}" {kind}' for name, kind in zip(KINDS, types, strict=True))
        connection.execute(f"create table rows (place int, {declared})")
        places = [(place, *row) for place, row in enumerate(rows)]
        connection.executemany(f"insert into rows values ({', '.join('?' * len(places[0]))})", places)
        table = connection.sql("select * exclude (place) from rows order by place").to_arrow_table()
        frame = table.to_pandas(types_mapper=NULLABLE.get)
        for name, check in TRACED.items():
            contract = contract_of(check)
            assert contract.screen.columns == (), name
            condition = connection.sql(f"select place from rows where {contract.screen.sql}")
            passed = {place for (place,) in condition.fetchall()}
            assert not passed & set(contract.broken_rules(frame)), name


def test_the_condition_holds_for_usual_rows_that_pass():
    with duckdb.connect() as connection:
        row = (
            "2 as count, null::bigint as more, 1.5::double as price, 3.0::double as paid, 'a' as kind, 'b' "
            "as other, timestamp '2024-01-01' as began, null::timestamp as ended, true as flag"
        )
        for name in ("price", "whole share", "times", "texts", "flag"):
            condition = contract_of(TRACED[name]).screen.sql
            found = connection.sql(f"select {condition} from (select {row})").fetchall()
            assert found == [(True,)], name


def test_a_custom_check_of_one_column_ignores_missing_values():
    schema = pa.DataFrameSchema({"a": pa.Column(int, pa.Check(lambda a: a * 2 > 3), nullable=True)})
    screen = Contract.of(schema, subject="shop: table orders").screen
    with duckdb.connect() as connection:
        rows = "from (values (1), (2), (null::bigint)) as rows(a)"
        assert connection.sql(f"select {screen.sql} {rows}").fetchall() == [(False,), (True,), (True,)]


@pytest.mark.parametrize(
    "check",
    [
        lambda t: t["count"] % 2 == 0,
        lambda t: np.log(t["price"]) > 0,
        lambda t: t["price"] > t["price"].mean(),
        lambda t: t["began"] - t["ended"] < pd.Timedelta(days=1),
        lambda t: t["kind"] < "b",
        lambda t: t.count > 1,
        lambda t: t["price"] < float("inf"),
        lambda t: t["count"] < 2**60,
        lambda t: (t["price"] > 1) & True,
        lambda t: t["price"] > 1 if (t["count"] > 0).all() else t["price"] > 2,
    ],
)
def test_other_checks_are_left_to_python(check):
    screen = contract_of(check).screen
    assert (screen.sql, bool(screen.columns)) in [("true", True), ("false", False)]
