"""Thresholds by group are found by the value of the sensitive column, however it is stored."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mlops_assets.core.names import PROTECTED
from mlops_assets.ml.model.group_thresholds import MISSING, OTHERS, GroupThresholds, group_labels

FAIR = GroupThresholds("sex", ("f", "m"), (0.4, 0.6), 0.5, "demographic_parity", 0.05)


def test_a_row_of_no_group_has_the_threshold_without_the_constraint():
    assert FAIR.of(["f", "m", "x", None]).tolist() == [0.4, 0.6, 0.5, 0.5]
    assert FAIR.groups(["m", "f", None]).tolist() == [1, 0, -1]


def test_pooled_and_missing_values_are_groups_where_they_were_large_enough():
    pooled = replace(FAIR, labels=("f", OTHERS, MISSING), thresholds=(0.4, 0.7, 0.3))
    assert pooled.of(["f", "m", "never seen", None]).tolist() == [0.4, 0.7, 0.7, 0.3]
    assert pooled.of([MISSING, OTHERS]).tolist() == [0.7, 0.7], "texts that are spelled like the labels"


@pytest.mark.parametrize(
    "values",
    [[1, 2], [1.0, 2.0], pd.Series([1, 2], dtype="Int64"), pd.array([1, 2], dtype="int64[pyarrow]")],
)
def test_equal_numbers_of_different_types_are_one_group(values):
    assert replace(FAIR, labels=("1", "2")).of(values).tolist() == [0.4, 0.6]


def test_booleans_are_groups():
    assert replace(FAIR, labels=("False", "True")).of([True, False, None]).tolist() == [0.6, 0.4, 0.5]


def test_numbers_are_grouped_by_edges_which_belong_to_the_upper_group():
    labels = ("below 25", "25 to below 60", "60 or more")
    aged = replace(FAIR, labels=labels, thresholds=(0.1, 0.2, 0.3), edges=(25, 60))
    assert aged.of([24.9, 25, 59, 60, 99, np.nan]).tolist() == [0.1, 0.2, 0.2, 0.3, 0.3, 0.5]
    names, codes = group_labels([70, 20, None], (25, 60))
    assert [names[code] for code in codes] == ["60 or more", "below 25", MISSING]


def test_the_column_of_the_table_has_precedence_over_a_feature_of_the_same_name():
    features = pd.DataFrame({"sex": ["m", "m"], PROTECTED: ["f", "m"]})
    assert FAIR.of(FAIR.values_in(features)).tolist() == [0.4, 0.6]
    assert FAIR.of(FAIR.values_in(features[["sex"]])).tolist() == [0.6, 0.6]


def test_no_rows_have_no_thresholds():
    assert FAIR.of(pd.Series([], dtype=object)).tolist() == []


def test_lists_from_json_become_tuples():
    read = GroupThresholds("sex", ["f", "m"], [0.4, 0.6], 0.5, "demographic_parity", 0.05, [])
    assert read == FAIR
