"""Rows that are read in Python are valid for the contract, with the same values."""

from contextlib import suppress

import pandas as pd
import pandera.pandas as pa
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.core.names import ROW_ID
from mlops_assets.core.sql_quoting import quoted_list
from mlops_assets.ml.contracts.batch_check import check_rows
from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.model.tabular_model import sandbox
from mlops_assets.ml.scoring.compiled.contract.column_reader import ABSENT
from mlops_assets.ml.scoring.compiled.contract.typed_rows import TypedRows
from mlops_assets.ml.scoring.compiled.not_compiled import NotCompiledError
from mlops_assets.ml.scoring.input_contract import InputContracts
from mlops_assets.ml.scoring.plain_rows import rows_batch, value_problems

NUMBERS = st.sampled_from([0, 1, 2.5, -7, 2**53 + 1, 1e300, float("inf"), float("nan"), True])
TEXTS = st.sampled_from(["", "a", "ab", "é", "1", "NaN", "2024-01-31", "2024-02-30", "2024-01-31T25:00"])
TIMES = st.datetimes().map(lambda time: time.isoformat(" "))
VALUES = (
    st.none() | NUMBERS | TEXTS | TIMES | st.floats() | st.integers(-(2**64), 2**64) | st.text(max_size=3)
)
CHECKS = {
    float: st.sampled_from(
        [pa.Check.gt(0), pa.Check.in_range(-5, 5.5), pa.Check.isin([1.0, 2.5]), pa.Check.ne(7)]
    ),
    int: st.sampled_from([pa.Check.ge(1), pa.Check.lt(2.5), pa.Check.notin([1, 2]), pa.Check.eq(2)]),
    str: st.sampled_from(
        [
            pa.Check.str_matches("a|1"),
            pa.Check.str_length(1, 2),
            pa.Check.str_contains("b$"),
            pa.Check.str_startswith("a"),
            pa.Check.isin(["a", ""]),
        ]
    ),
    bool: st.nothing(),
    pd.Timestamp: st.just(pa.Check.gt(pd.Timestamp(2024, 1, 31))),
}


@st.composite
def cases(draw):
    kinds = draw(st.lists(st.sampled_from(list(CHECKS)), min_size=1, max_size=3))
    schema = {}
    for place, kind in enumerate(kinds):
        checks = [] if CHECKS[kind].is_empty else draw(st.lists(CHECKS[kind], max_size=2))
        nullable, required = draw(st.booleans()), draw(st.booleans())
        schema[f"c{place}"] = pa.Column(kind, checks, nullable=nullable, required=required or not nullable)
    names = st.sampled_from(list(schema))
    rows = draw(st.lists(st.dictionaries(names, VALUES, min_size=len(schema)), min_size=1, max_size=8))
    return pa.DataFrameSchema(schema), rows


@given(cases())
@settings(max_examples=15, deadline=None)
def test_rows_that_are_read_are_valid_with_the_same_values(case):
    schema, rows = case
    contract = Contract.of(schema, subject="shop: table orders")
    typed = TypedRows.of(contract)
    known = [(row, values) for row in rows if (values := typed.read(row)) is not None]
    batch = rows_batch([row for row, _ in known], contract.columns, ROW_ID)
    assert not any(value_problems(row, contract.columns) for row, _ in known)
    with sandbox() as connection:
        checked = check_rows(connection, connection.from_arrow(batch), contract, table="typed")
        assert not checked.rejected
        found = checked.valid.order(ROW_ID).project(quoted_list(contract.names)).fetchall()
    assert list(map(list, found)) == [values for _, values in known]


@given(cases(), st.booleans())
@settings(max_examples=25, deadline=None)
def test_columns_are_read_as_the_rows_alone(case, as_columns_of_arrow):
    schema, rows = case
    contract = Contract.of(schema, subject="shop: table orders")
    typed = TypedRows.of(contract)
    given = {name: [row.get(name, ABSENT) for row in rows] for name in contract.names}
    if as_columns_of_arrow:  # where a type has all values, and no row lacks one
        given, rows = _of_arrow(given)
    values, satisfied = typed.read_columns(given, len(rows))
    alone = [typed.read(row) for row in rows]
    assert satisfied.tolist() == [one is not None for one in alone]
    for column, name in enumerate(contract.names):
        found = [None if value != value else value for value in values[column].tolist()]
        expected = [one and one[column] for one in alone]
        kept = [place for place, one in enumerate(alone) if one is not None]
        assert [repr(found[place]) for place in kept] == [repr(expected[place]) for place in kept], name


def _of_arrow(given):
    """Columns as Arrow arrays of numbers and texts, and their rows as plain values, without NaN."""
    arrays = {}
    for name, values in given.items():
        kept = [None if value is ABSENT else value for value in values]
        for kind in (pyarrow.float64(), pyarrow.int64(), pyarrow.string()):
            with suppress(pyarrow.ArrowException, OverflowError, UnicodeError):
                arrays[name] = pyarrow.array(kept, kind)
                break
        else:
            arrays[name] = pyarrow.array([1] * len(kept), pyarrow.int32())
    plain = {
        name: [None if one != one else one for one in array.to_pylist()] for name, array in arrays.items()
    }
    return arrays, [dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)]


def orders(table_check=None, **columns):
    given = columns or {"a": pa.Column(float, nullable=True), "b": pa.Column(float), "n": pa.Column(int)}
    checks = [pa.Check(table_check)] if table_check else []
    contract = Contract.of(pa.DataFrameSchema(given, checks=checks), subject="shop: table orders")
    return contract, InputContracts(contract)


CHECKS_OF_TABLES = (
    lambda frame: frame["a"] <= frame["b"],
    lambda frame: ~(frame.a > 2 * frame.b + 1),
    lambda frame: (frame["n"] >= 3) | frame["a"].isna(),
    lambda frame: (frame["a"] / frame["b"] < 0.5) & (1 - frame["b"] != 0) ^ frame["a"].notna(),
)


@pytest.mark.parametrize("check", CHECKS_OF_TABLES)
def test_a_check_of_several_columns_is_evaluated_as_pandera_does(check):
    contract, _ = orders(check)
    typed, values = TypedRows.of(contract), (None, 0.0, 1.0, 2.5, -4.0)
    rows = [{"a": a, "b": b, "n": n} for a in values for b in values[1:] for n in (0, 3)]
    frame = pd.DataFrame(rows).astype({"a": float, "b": float})
    broken = contract.broken_rules(frame)
    divides = check is CHECKS_OF_TABLES[-1]
    _, satisfied = typed.read_columns({name: [row[name] for row in rows] for name in frame}, len(rows))
    assert satisfied.tolist() == [place not in broken for place in range(len(rows))]
    for place, row in enumerate(rows):
        left_to_pandera = divides and row["b"] == 0
        assert (typed.read(row) is None) == (place in broken or left_to_pandera)


@pytest.mark.parametrize(
    ("check", "columns"),
    [
        (lambda frame: frame["a"].rank() > 1, {}),
        (lambda frame: frame["n"] + frame["n"] > 1, {}),
        (lambda frame: frame.apply(lambda row: True, axis=1), {}),
        (lambda frame: frame["a"] > frame["b"] if frame["b"].gt(0) else frame["b"] > 1, {}),
        (lambda frame: frame["t"] == "x", {"t": pa.Column(str)}),
        (None, {"a": pa.Column(float, pa.Check(lambda values: values > 0))}),
        (None, {"a": pa.Column(float, pa.Check.gt(0, ignore_na=False), nullable=True)}),
    ],
)
def test_other_checks_are_not_compiled(check, columns):
    contract, _ = orders(check, **columns)
    with pytest.raises(NotCompiledError, match="is not compiled"):
        TypedRows.of(contract)
