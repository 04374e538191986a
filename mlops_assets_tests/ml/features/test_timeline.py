"""Time in an event project: no model sees what was not known, whatever horizon, look-back and window."""

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
    assert time.horizon_of("2024-12") == ["2025-01", "2025-02", "2025-03"]
    assert time.judged_by("2025-03") == "2024-12"
    assert time.embargoed("2025-03") == ["2024-10", "2024-11"]
    assert time.trained_on("2025-03") == [f"2024-{number:02}" for number in range(1, 10)]
    assert time.labelled_by("2025-03") == [f"2024-{number:02}" for number in range(1, 13)]
    assert time.first_cutoff == "2024-10"
    assert time.told("2025-03") == (
        "judged by 2024-12, trained on 2024-01 to 2024-09, 2 months between kept out"
    )


def test_with_a_horizon_of_one_nothing_is_kept_out():
    assert month(1).embargoed("2025-03") == []
    assert month(1).told("2025-03") == "judged by 2025-02, trained on 2024-01 to 2025-01"
    assert month(2).told("2025-03").endswith(", 1 month between kept out")


def test_cutoffs_are_those_whose_judge_is_labelled_and_that_can_be_searched_for():
    assert month(1).cutoffs({"2024-01", "2024-02", "2024-03", "2024-06"}) == ["2024-04", "2024-07"]
    assert month(1).cutoffs(set()) == []


def test_a_window_and_a_look_back_keep_the_newest():
    time = month(1, lookback=2, window=3)
    assert time.seen_by("2024-06") == ["2024-05", "2024-06"]
    assert time.seen_by("2024-01") == ["2024-01"]
    assert time.trained_on("2024-08") == ["2024-04", "2024-05", "2024-06"]
    assert time.labelled_by("2024-08") == ["2024-05", "2024-06", "2024-07"]


@given(TIMELINES, PLACES)
def test_features_see_at_most_the_look_back_and_never_past_their_own_period(time: Timeline, place: int):
    period = time.periods.shift(time.periods.first, place)
    seen = time.seen_by(period)
    assert seen[-1] == period
    assert len(seen) == min(place + 1, time.lookback or place + 1)
    assert seen == time.periods.between(seen[0], period)


@given(TIMELINES, PLACES)
def test_a_target_is_made_of_the_periods_right_after_its_own(time: Timeline, place: int):
    period = time.periods.shift(time.periods.first, place)
    horizon = time.horizon_of(period)
    assert len(horizon) == time.horizon
    assert horizon[0] == time.periods.shift(period, 1)
    assert not set(horizon) & set(time.seen_by(period))


@given(TIMELINES, PLACES)
def test_what_trains_is_kept_out_or_judges_is_disjoint_and_the_gap_is_the_horizon(time: Timeline, place: int):
    cutoff = time.periods.shift(time.first_cutoff, place)
    train, embargo, judge = time.trained_on(cutoff), time.embargoed(cutoff), time.judged_by(cutoff)
    assert train
    assert len({*train, *embargo, judge}) == len(train) + len(embargo) + 1
    assert time.periods.shift(train[-1], time.horizon) == judge
    assert embargo == time.periods.between(train[-1], judge)[1:-1]
    assert train[0] >= time.periods.first
    assert len(train) <= (time.window or len(train))


@given(TIMELINES, PLACES)
def test_no_target_that_trains_is_made_of_what_the_judging_one_is_made_of(time: Timeline, place: int):
    cutoff = time.periods.shift(time.first_cutoff, place)
    judged_of = set(time.horizon_of(time.judged_by(cutoff)))
    for period in time.trained_on(cutoff):
        assert not judged_of & set(time.horizon_of(period))
        assert time.horizon_of(period)[-1] <= time.judged_by(cutoff), "known when the judge's features were"
    assert max(judged_of) == cutoff


@given(TIMELINES, PLACES)
def test_the_model_that_serves_is_fitted_on_what_was_labelled_at_the_cutoff(time: Timeline, place: int):
    cutoff = time.periods.shift(time.first_cutoff, place)
    labelled = time.labelled_by(cutoff)
    assert labelled[-1] == time.judged_by(cutoff)
    assert all(time.horizon_of(period)[-1] <= cutoff for period in labelled)


@given(TIMELINES, st.sets(PLACES, max_size=10))
def test_every_cutoff_has_its_labels_and_is_no_earlier_than_the_first(time: Timeline, places: set[int]):
    labelled = {time.periods.shift(time.periods.first, place) for place in places}
    cutoffs = time.cutoffs(labelled)
    assert cutoffs == sorted(cutoffs)
    assert {time.judged_by(cutoff) for cutoff in cutoffs} == {
        period for period in labelled if time.periods.shift(period, time.horizon) >= time.first_cutoff
    }
