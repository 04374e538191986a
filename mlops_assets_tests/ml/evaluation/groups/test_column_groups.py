"""Column groups: quantiles of numbers, frequent values of texts, and missing values apart."""

import numpy as np
import pandas as pd

from mlops_assets.ml.evaluation.groups.column_groups import group_column


def test_numbers_are_grouped_by_quantiles_and_labelled_by_their_range():
    grouped = group_column(
        pd.Series([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, np.nan]), name="age", quantiles=3
    )
    assert grouped.labels == ["1 to 3", "4 to 6", "7 to 9", "missing"]
    assert grouped.groups.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]
    assert grouped.is_ordered


def test_equal_numbers_are_in_one_group():
    grouped = group_column(pd.Series([0.0] * 80 + list(range(1, 21))), name="visits")
    assert grouped.labels[0] == "0"
    assert (grouped.groups[:80] == grouped.groups[0]).all()
    assert grouped.groups[80:].min() > grouped.groups[0]


def test_texts_are_grouped_by_their_most_frequent_values():
    grouped = group_column(pd.Series([*list("aaabbc"), None, *list("defghij")]), name="kind", values=3)
    assert grouped.labels == ["a", "b", "other values", "missing"]
    assert np.bincount(grouped.groups).tolist() == [3, 2, 8, 1]
    assert not grouped.is_ordered


def test_numbers_with_few_values_and_booleans_are_grouped_by_value():
    assert group_column(pd.Series([1.0, 2.0, 1.0]), name="rooms").labels == ["1", "2"]
    assert group_column(pd.Series([True, False, True]), name="is_new").labels == ["True", "False"]


def test_labels_that_rounding_makes_equal_are_numbered():
    values = pd.Series(np.concatenate([np.full(10, 1.0001 + each * 1e-5) for each in range(6)]))
    labels = group_column(values, name="rate", quantiles=3).labels
    assert len(set(labels)) == len(labels) == 3


def test_texts_that_are_spelled_like_a_label_are_quoted_and_have_their_own_group():
    texts = ["missing"] * 3 + [None] * 2 + ["other values"] * 4 + ['"missing"'] * 2 + list("abcd")
    grouped = group_column(pd.Series(texts), name="note", values=4)
    assert grouped.labels == ['"other values"', '"missing" (1)', '"missing" (2)', "other values", "missing"]
    assert np.bincount(grouped.groups).tolist() == [4, 3, 2, 4, 2]
    assert group_column(pd.Series(["missing", "missing"]), name="note").labels == ['"missing"']


def test_values_with_one_rounded_label_have_their_own_groups():
    grouped = group_column(pd.Series([1.00001, 1.00002, 1.00001, np.nan]), name="rate")
    assert grouped.labels == ["1.00 (1)", "1.00 (2)", "missing"]
    assert grouped.groups.tolist() == [0, 1, 0, 2]


def test_numbered_labels_show_no_values():
    numbers = group_column(
        pd.Series([float(each) for each in range(9)] + [np.nan]), name="age", numbered=True
    )
    assert numbers.labels == [*(f"group {place}" for place in range(1, 6)), "missing"]
    texts = group_column(pd.Series(list("aaabbcd")), name="kind", values=3, numbered=True)
    assert texts.labels == ["group 1", "group 2", "other values"]
    assert np.bincount(texts.groups).tolist() == [3, 2, 2]
