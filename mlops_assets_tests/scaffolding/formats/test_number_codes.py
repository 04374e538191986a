"""Phone numbers and codes that look like numbers stay text."""

import pandas as pd
import pytest

from mlops_assets.scaffolding.source_profile import profile_source


@pytest.mark.parametrize(
    ("values", "sql_type"),
    [
        (["+4930123", "+4989456"], "VARCHAR"),
        (["+1", "-1"], "BIGINT"),
        (["+1.5", "2.5"], "DOUBLE"),
        (["1E5", "2E3"], "VARCHAR"),
        (["1E5", "12", "2e10"], "VARCHAR"),
        (["1E5", "2.5"], "DOUBLE"),
        (["1e-05", "2e5"], "DOUBLE"),
        (["1E+05", "2E05"], "DOUBLE"),
        (["12", "13"], "BIGINT"),
    ],
)
def test_a_leading_plus_and_digits_around_an_e_make_a_text(tmp_path, values, sql_type):
    pd.DataFrame({"x": values, "y": range(len(values))}).to_csv(tmp_path / "rows.csv", index=False)
    [x, _] = profile_source(tmp_path / "rows.csv", subject="shop").columns
    assert x.sql_type == sql_type
