"""Slices: marked only if significantly worse than the other rows, and not found in noise."""

import math

import numpy as np
import pandas as pd
import pytest

from mlops_assets.ml.evaluation.groups.column_groups import group_column
from mlops_assets.ml.evaluation.groups.slices import MIN_ROWS, holm, score_slices
from mlops_assets.ml.evaluation.groups.weakest_slices import find_weakest_slices

ROWS = 4_000


def mean_of(losses: np.ndarray):
    return lambda rows: (float(losses[rows].mean()), float(losses[rows].min()), float(losses[rows].max()))


@pytest.fixture
def features() -> pd.DataFrame:
    random = np.random.default_rng(1)
    frame = pd.DataFrame({f"x{index}": random.normal(size=ROWS) for index in range(6)})
    frame["colour"] = random.choice(["red", "blue", "green"], ROWS)
    return frame


def test_only_a_slice_with_a_significantly_larger_loss_is_marked_worse(features):
    losses = np.random.default_rng(2).gamma(2.0, 1.0, ROWS)
    losses[features["colour"] == "red"] *= 1.5
    found = {
        each.value: each
        for each in score_slices([group_column(features["colour"], name="colour")], losses, mean_of(losses))
    }
    assert [value for value, each in found.items() if each.is_worse] == ["red"]
    red = losses[features["colour"] == "red"]
    assert found["red"].score == pytest.approx(red.mean())
    assert found["red"].ratio == pytest.approx(red.mean() / losses.mean())


def test_a_slice_below_the_minimum_number_of_rows_has_no_score():
    values = pd.Series(["rare"] * (MIN_ROWS - 1) + ["common"] * 200)
    losses = np.where(values == "rare", 100.0, np.linspace(0, 1, len(values)))
    rare = next(
        each
        for each in score_slices([group_column(values, name="kind")], losses, mean_of(losses))
        if each.value == "rare"
    )
    assert rare.rows == MIN_ROWS - 1
    assert math.isnan(rare.score)
    assert math.isnan(rare.chance)
    assert not rare.is_worse


def test_a_weak_slice_of_two_columns_is_found_and_measured_on_other_rows(features):
    losses = np.random.default_rng(3).gamma(2.0, 1.0, ROWS)
    weak = (features["x2"] > 0.9) & (features["colour"] == "blue")
    losses[weak] *= 4.0
    found = find_weakest_slices(features, losses, mean_of(losses), seed=0)
    assert found is not None
    worst = found.slices[0]
    assert worst.column in ("x2 and colour", "colour and x2")
    assert "blue" in worst.value
    assert (found.searched, found.measured) == (ROWS // 2, ROWS // 2)
    assert worst.rows < found.measured / 4
    assert worst.score > 2.5 * losses.mean()


def test_no_weak_slice_is_confirmed_in_noise(features):
    found = [
        find_weakest_slices(
            features, losses := np.random.default_rng(seed).gamma(2.0, 1.0, ROWS), mean_of(losses), seed=seed
        )
        for seed in range(20)
    ]
    assert all(each is not None and each.candidates > 300 for each in found)
    assert sum(bool(each.slices) for each in found if each) <= 3, "the significance level is one in twenty"


def of_schools(seed: int, column: bool) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Losses of 100 schools with 40 pupils each, which differ by chance, and a feature of each school."""
    random = np.random.default_rng(seed)
    schools = np.repeat(np.arange(100), 40)
    losses = random.gamma(2.0, 1.0, 100)[schools] + random.gamma(2.0, 0.5, ROWS)
    values = random.normal(size=100)[schools] if column else random.normal(size=ROWS)
    return pd.DataFrame({"size": values, "other": random.normal(size=ROWS)}), losses, schools


def test_chance_differences_between_clusters_are_no_weak_slices():
    found = {"rows": 0, "schools": 0}
    declared = dict(found)
    for seed in range(30):
        features, losses, schools = of_schools(seed, column=True)
        for name, clusters in (("rows", None), ("schools", schools)):
            weakest = find_weakest_slices(features, losses, mean_of(losses), seed=seed, clusters=clusters)
            found[name] += bool(weakest and weakest.slices)
            groups = [group_column(features["size"], name="size")]
            scored = score_slices(groups, losses, mean_of(losses), clusters=clusters)
            declared[name] += any(each.is_worse for each in scored)
    assert found["rows"] > 20
    assert found["schools"] <= 5
    assert declared["rows"] > 20
    assert declared["schools"] <= 5


def test_the_halves_of_the_search_share_no_cluster():
    features, losses, schools = of_schools(0, column=False)
    seen: list[np.ndarray] = []

    def score(rows: np.ndarray) -> tuple[float, float, float]:
        seen.append(schools[rows])
        return mean_of(losses)(rows)

    losses[features["other"] > 1] += 5
    found = find_weakest_slices(features, losses, score, seed=0, clusters=schools)
    assert found is not None
    assert found.slices
    assert (found.searched, found.measured) == (ROWS // 2, ROWS // 2)
    assert len(np.unique(np.concatenate(seen))) == 50, "half of the schools"


def test_no_two_weakest_slices_share_most_of_their_rows(features):
    losses = np.random.default_rng(4).gamma(2.0, 1.0, ROWS)
    features["twin"] = features["x0"] * 2
    losses[features["x0"] > 1] *= 3
    found = find_weakest_slices(features, losses, mean_of(losses), seed=0)
    assert found is not None
    assert [each.column for each in found.slices] == ["x0"] or [each.column for each in found.slices] == [
        "twin"
    ]


def test_most_of_the_rows_are_no_weak_slice():
    random = np.random.default_rng(3)
    easy = random.random(4_000) < 0.21  # the other 79 % have the larger loss
    features = pd.DataFrame({"kind": np.where(easy, "easy", "usual"), "noise": random.normal(size=4_000)})
    losses = np.where(easy, 0.1, 1.0) + random.normal(0, 0.1, 4_000)
    found = find_weakest_slices(features, losses, mean_of(losses), seed=0)
    assert found is not None
    assert all(each.rows <= found.measured / 2 for each in found.slices)
    assert "usual" not in [each.value for each in found.slices]


def test_too_few_rows_are_not_searched(features):
    assert find_weakest_slices(features.head(399), np.ones(399), mean_of(np.ones(399)), seed=0) is None


def test_constant_losses_have_no_weak_slice(features):
    found = find_weakest_slices(features, np.ones(ROWS), mean_of(np.ones(ROWS)), seed=0)
    assert found is not None
    assert found.slices == []


def test_holm_adjusts_p_values_by_rank_and_ignores_nan():
    adjusted = holm([0.01, 0.04, 0.03, float("nan")])
    assert adjusted[:3] == pytest.approx([0.03, 0.06, 0.06])
    assert math.isnan(adjusted[3])


def test_every_row_is_in_one_slice_of_a_column_with_texts_like_labels():
    texts = ["missing", None, "other values", *"abcdefgh"]
    values = pd.Series([texts[each % len(texts)] for each in range(ROWS)])
    losses = np.linspace(0, 1, ROWS)
    found = score_slices([group_column(values, name="note")], losses, mean_of(losses))
    assert sum(each.rows for each in found) == ROWS
    assert len({each.value for each in found}) == len(found) == 9
    missing = next(each for each in found if each.value == "missing")
    assert missing.rows == values.isna().sum()
    assert missing.score == pytest.approx(losses[values.isna()].mean())
