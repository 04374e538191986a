"""Time in an event project: no leakage for any horizon, look-back and window."""

from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.core.periods import Periods
from mlops_assets.ml.features.timeline import Timeline

TIMELINES = st.builds(
    Timeline,
    st.builds(Periods.of, st.sampled_from(["daily", "weekly", "monthly"]), st.just("2024-01-01")),
    st.integers(1, 6),
    st.none() | st.integers(1, 8),
    st.none() | st.integers(1, 8),
)
PLACES = st.integers(0, 40)


def month(horizon: int, **more: int) -> Timeline:
    return Timeline(Periods.of("monthly", "2024-01"), horizon, **more)


def test_the_example_of_the_documentation():
    time = month(3)
    assert time.target_periods("2024-12") == ["2025-01", "2025-02", "2025-03"]
    assert time.holdout_period("2025-03") == "2024-12"
    assert time.embargo_periods("2025-03") == ["2024-10", "2024-11"]
    assert time.training_periods("2025-03") == [f"2024-{number:02}" for number in range(1, 10)]
    assert time.labelled_periods("2025-03") == [f"2024-{number:02}" for number in range(1, 13)]
    assert time.first_cutoff == "2024-10"
    assert time.describe_split("2025-03") == (
        "tested on 2024-12, trained on 2024-01 to 2024-09, embargo of 2 months"
    )


def test_a_horizon_of_one_needs_no_embargo():
    assert month(1).embargo_periods("2025-03") == []
    assert month(1).describe_split("2025-03") == "tested on 2025-02, trained on 2024-01 to 2025-01"
    assert month(2).describe_split("2025-03").endswith(", embargo of 1 month")


def test_a_cutoff_needs_a_labelled_holdout_and_enough_training_periods():
    assert month(1).cutoffs({"2024-01", "2024-02", "2024-03", "2024-06"}) == ["2024-04", "2024-07"]
    assert month(1).cutoffs(set()) == []


def test_a_window_and_a_look_back_keep_the_newest_periods():
    time = month(1, lookback=2, window=3)
    assert time.feature_periods("2024-06") == ["2024-05", "2024-06"]
    assert time.feature_periods("2024-01") == ["2024-01"]
    assert time.training_periods("2024-08") == ["2024-04", "2024-05", "2024-06"]
    assert time.labelled_periods("2024-08") == ["2024-05", "2024-06", "2024-07"]


@given(TIMELINES, PLACES)
def test_features_use_at_most_the_look_back_and_no_later_period(time: Timeline, place: int):
    period = time.periods.shift(time.periods.first, place)
    seen = time.feature_periods(period)
    assert seen[-1] == period
    assert len(seen) == min(place + 1, time.lookback or place + 1)
    assert seen == time.periods.between(seen[0], period)


@given(TIMELINES, PLACES)
def test_a_target_is_computed_from_the_periods_after_its_own(time: Timeline, place: int):
    period = time.periods.shift(time.periods.first, place)
    horizon = time.target_periods(period)
    assert len(horizon) == time.horizon
    assert horizon[0] == time.periods.shift(period, 1)
    assert not set(horizon) & set(time.feature_periods(period))


@given(TIMELINES, PLACES)
def test_training_embargo_and_holdout_are_disjoint_and_a_horizon_apart(time: Timeline, place: int):
    cutoff = time.periods.shift(time.first_cutoff, place)
    train, embargo, holdout = (
        time.training_periods(cutoff),
        time.embargo_periods(cutoff),
        time.holdout_period(cutoff),
    )
    assert train
    assert len({*train, *embargo, holdout}) == len(train) + len(embargo) + 1
    assert time.periods.shift(train[-1], time.horizon) == holdout
    assert embargo == time.periods.between(train[-1], holdout)[1:-1]
    assert train[0] >= time.periods.first
    assert len(train) <= (time.window or len(train))


@given(TIMELINES, PLACES)
def test_no_training_target_overlaps_the_target_of_the_holdout(time: Timeline, place: int):
    cutoff = time.periods.shift(time.first_cutoff, place)
    holdout_target = set(time.target_periods(time.holdout_period(cutoff)))
    for period in time.training_periods(cutoff):
        assert not holdout_target & set(time.target_periods(period))
        complete = time.target_periods(period)[-1]
        assert complete <= time.holdout_period(cutoff), "known at the end of the holdout period"
    assert max(holdout_target) == cutoff


@given(TIMELINES, PLACES)
def test_the_registered_model_is_fitted_on_the_periods_labelled_at_the_cutoff(time: Timeline, place: int):
    cutoff = time.periods.shift(time.first_cutoff, place)
    labelled = time.labelled_periods(cutoff)
    assert labelled[-1] == time.holdout_period(cutoff)
    assert all(time.target_periods(period)[-1] <= cutoff for period in labelled)


@given(TIMELINES, st.sets(PLACES, max_size=10))
def test_a_cutoff_has_a_labelled_holdout_and_is_not_before_the_first(time: Timeline, places: set[int]):
    labelled = {time.periods.shift(time.periods.first, place) for place in places}
    cutoffs = time.cutoffs(labelled)
    assert cutoffs == sorted(cutoffs)
    assert {time.holdout_period(cutoff) for cutoff in cutoffs} == {
        period for period in labelled if time.periods.shift(period, time.horizon) >= time.first_cutoff
    }
