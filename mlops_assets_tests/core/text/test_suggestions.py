"""Suggestions for misspelled names."""

import pytest

from mlops_assets.core.text.suggestions import closest_name, suggest_name


@pytest.mark.parametrize(
    ("name", "known", "closest"),
    [
        ("house_prcies", ["house_prices", "houses"], "house_prices"),  # two characters swapped
        ("landing", ["lending", "pending"], "lending"),
        ("ROC_AUC", ["roc_auc", "rmse"], "roc_auc"),
        ("trails", ["trials", "families"], "trials"),
        ("amout", ["amount", "about"], "about"),  # both at distance 1: the first of the alphabet
        ("x", ["y", "price"], "y"),
        ("colour", ["approval", "automation"], None),
        ("price", [], None),
    ],
)
def test_the_name_with_the_smallest_edit_distance_is_suggested(
    name: str, known: list[str], closest: str | None
):
    assert closest_name(name, known) == closest


def test_without_a_similar_name_the_names_are_listed():
    assert suggest_name("colour", ["size", "age"]) == "choose one of age, size"
    assert suggest_name("agr", ["size", "age"]) == "did you mean age?"
    many = [f"name{number:03}" for number in range(30)]
    assert suggest_name("colour", many).endswith("name019 and 10 more")
