"""pandera's checks as SQL: which are, and which are left to Python; `test_screen.py` compares results."""

import re
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pytest

from mlops_assets.ml.contracts.columns import Column
from mlops_assets.ml.contracts.screening.check_sql import check_sql


@pytest.mark.parametrize(
    ("check", "kind"),
    [
        (pa.Check.gt(0), "DOUBLE"),
        (pa.Check.in_range(0, 2.5), "BIGINT"),
        (pa.Check.isin([1, 2]), "BIGINT"),
        (pa.Check.notin(["x"]), "VARCHAR"),
        (pa.Check.str_matches(r"[A-Z]{2}-[0-9]{4}$"), "VARCHAR"),
        (pa.Check.str_matches(re.compile(r"\d+(?:\.\d+)?$")), "VARCHAR"),
        (pa.Check.str_length(max_value=80), "VARCHAR"),
        (pa.Check.le(datetime(2024, 1, 1)), "TIMESTAMP"),
        (pa.Check.ge(date(2024, 1, 1)), "DATE"),
        (pa.Check.gt(0, name="above zero", error="must be above zero"), "DOUBLE"),
    ],
)
def test_common_checks_have_an_sql_condition(check: pa.Check, kind: Any):
    assert check_sql(check, Column("a", kind)) is not None


class Size(StrEnum):
    S = "s"


@pytest.mark.parametrize(
    ("check", "kind"),
    [
        (pa.Check(lambda values: values > 0, name="greater_than"), "DOUBLE"),
        (pa.Check.gt(0, element_wise=True), "DOUBLE"),
        (pa.Check.gt(float("nan")), "DOUBLE"),
        (pa.Check.lt(2**53 + 1), "DOUBLE"),
        (pa.Check.lt(2**64), "BIGINT"),
        (pa.Check.gt(True), "BIGINT"),
        (pa.Check.gt(0), "VARCHAR"),
        (pa.Check.isin([1.0]), "BIGINT"),
        (pa.Check.isin(["a", None]), "VARCHAR"),
        (pa.Check.eq(Size.S), "VARCHAR"),
        (pa.Check.ge("2024-01-01"), "TIMESTAMP"),
        (pa.Check.ge(pd.Timestamp("2024-01-01", tz="UTC")), "TIMESTAMP"),
        (pa.Check.ge(pd.Timestamp("2024-01-01 00:00:00.000000001")), "TIMESTAMP"),
        *(
            (pa.Check.str_matches(pattern), "VARCHAR")
            for pattern in (
                *(
                    r"\D",
                    r"\w",
                    r"(?i)a",
                    r"a(?=b)",
                    r"(a)\1",
                    r"[[:alpha:]]",
                    r"[^\d]",
                    r"a*+a",
                    r"a\Z",
                    r"\bx",
                ),
                *(r"(?:a{100}){100}", r"a{,3}", r"(?P<n>a)", r"a{2000}"),
            )
        ),
        (pa.Check.str_matches(re.compile("a", re.IGNORECASE)), "VARCHAR"),
    ],
)
def test_checks_that_sql_may_evaluate_differently_have_no_condition(check: pa.Check, kind: Any):
    assert check_sql(check, Column("a", kind)) is None
