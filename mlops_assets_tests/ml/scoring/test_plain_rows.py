from collections import Counter

import orjson
import pytest

from mlops_assets.core.names import ROW_ID
from mlops_assets.ml.contracts.batch_check import check_rows, contract_of_types
from mlops_assets.ml.contracts.columns import Column
from mlops_assets.ml.model.tabular_model import sandbox
from mlops_assets.ml.scoring.plain_rows import rows_batch, value_problems

VALUES = (
    *(None, True, False, 0, 1, 2, -3, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, -(2**63) - 1, 10**30, 10**400),
    *(0.0, -0.0, 1.0, 2.5, 5.0, 1e16, 1e22, 1e-5, 0.1, -1e300, 20240131.0, float("nan"), float("inf")),
    *("", "1", "1.0", "2.5", "true", "Yes", "nan", "inf", "1e3", "1_000", "2024-01-31", "2024-01-31T10:00Z"),
    *("20240131", "é", "x", " 7 ", "-0.0", "2024-02-30"),
)
COLUMNS = (
    Column("real", "DOUBLE"),
    Column("whole", "BIGINT"),
    Column("flag", "BOOLEAN"),
    Column("text", "VARCHAR"),
    Column("at", "TIMESTAMP"),
    Column("day", "DATE", format="%Y%m%d"),
    Column("marked", "DOUBLE", decimal=",", thousands="."),
    Column("priced", "BIGINT", unit="km"),
)


def cast(column, values):
    """The typed values, or the violated rules."""
    return casts(column, [values])[0]


def casts(column, groups):
    """The same for groups of values, each of which is cast alone."""
    contract, results = contract_of_types([column], subject="p"), []
    with sandbox() as connection:
        for number, values in enumerate(groups):
            batch = rows_batch([{column.name: value} for value in values], [column], ROW_ID)
            checked = check_rows(connection, connection.from_arrow(batch), contract, table=f"typed_{number}")
            rows = checked.valid.project(f'{ROW_ID}, "{column.name}", "{column.name}"::varchar').fetchall()
            found = dict(checked.rejected) | {row[0]: row[1:] for row in rows}
            results.append([found[place] for place in range(len(values))])
    return results


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_no_value_is_cast_otherwise_beside_other_values(column):
    alone = [found for [found] in casts(column, [[value] for value in VALUES])]
    assert cast(column, VALUES) == alone
    assert len(Counter(map(repr, alone))) >= 3


def test_values_are_cast_by_their_json_type():
    real, whole, flag, text, at, day, marked, _ = COLUMNS
    assert cast(real, [True, 7, 2**64, "2.5"]) == [
        *((1.0, "1.0"), (7.0, "7.0"), (2.0**64, "1.8446744073709552e+19"), (2.5, "2.5"))
    ]
    assert cast(whole, [5.0, 5.5, 2**63]) == [(5, "5"), *[["whole: dtype(int64)"]] * 2]
    assert [one[0] for one in cast(flag, [1, 0.0, "Yes", 2])] == [True, False, True, "flag: dtype(bool)"]
    assert [one[0] for one in cast(text, [1, 1.0, True, "x"])] == ["1", "1.0", "true", "x"]
    assert [one[1] for one in cast(day, [20240131, 20240131.0])] == ["2024-01-31"] * 2
    assert cast(at, [20240131]) == [["at: dtype(datetime64[ns])"]]
    assert [one[0] for one in cast(marked, [1234.5, "1.234,5"])] == [1234.5, 1234.5]


def test_absent_and_nested_values_violate_a_rule():
    columns = [Column("size", "DOUBLE"), Column("note", "VARCHAR", required=False)]
    assert value_problems({"size": None}, columns) == []
    assert value_problems({"note": [1]}, columns) == ["size: required", "note: dtype(object)"]
    assert value_problems({"size": {}, "note": "\ud800"}, columns) == [
        "size: dtype(float64)",
        "note: dtype(object)",
    ]
    assert value_problems({"size": 10**100_000, "note": "x"}, columns) == ["size: dtype(float64)"]


def test_a_number_that_may_have_lost_digits_is_no_integer_and_no_text():
    columns = [Column("size", "DOUBLE"), Column("code", "BIGINT"), Column("note", "VARCHAR")]
    parsed = orjson.loads('{"size": 1e22, "code": 9007199254740993.0, "note": 123456789012345678901}')
    assert parsed["code"] == 2**53
    assert value_problems(parsed, columns) == ["code: dtype(int64)", "note: dtype(object)"]
    assert value_problems({"size": 1, "code": 2**53 + 1, "note": 2**64 - 1}, columns) == []
