"""Values that change how a column is read are named."""

import pandas as pd
import pytest

from mlops_assets.core.errors import ProjectError
from mlops_assets.scaffolding.drafting import draft_from
from mlops_assets.scaffolding.source_profile import profile_source


@pytest.fixture
def doubts(tmp_path):
    def run(values: list) -> tuple[str, ...]:
        pd.DataFrame({"x": values, "kind": "a"}).to_csv(tmp_path / "rows.csv", index=False)
        return profile_source(tmp_path / "rows.csv", subject="shop").doubts

    return run


NUMBERS = [number % 40 for number in range(100)]


@pytest.mark.parametrize(
    ("values", "start"),
    [
        ([*NUMBERS, "Total"], "x stays text because of 1 of 101 values, such as 'Total'"),
        ([*NUMBERS, -999, -999], "x has the value -999 far from the others"),
        ([*NUMBERS, 9999, 9999], "x has the value 9999 far from the others"),
        ([*(0.5 + number for number in NUMBERS), -99, -99], "x has the value -99 far from the others"),
    ],
)
def test_an_odd_value_is_a_doubt(doubts, values, start):
    [doubt] = doubts(values)
    assert doubt.startswith(start)


@pytest.mark.parametrize(
    "values",
    [
        NUMBERS,
        [*NUMBERS, -1, -1],
        [*NUMBERS, -500, -500],
        list(range(9900, 10000)) * 2,
        [*NUMBERS, *["a", "b", "c"] * 5],
        [f"0{number}" for number in NUMBERS] + ["x"],
        ["a", "b"],
    ],
)
def test_other_values_are_no_doubt(doubts, values):
    assert doubts(values) == ()


def test_a_file_without_a_header_is_named(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("5.1,3.5,setosa\n4.9,3.0,setosa\n6.3,3.3,virginica\n")
    assert "does the file have a header?" in profile_source(path, subject="shop").doubts[-1]
    with pytest.raises(ProjectError) as missing:
        draft_from("shop", tmp_path, data=path, target="species")
    assert missing.value.hint.endswith("if these are values, write a header into the first line")
