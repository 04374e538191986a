"""Dagster's partitions and mappings of a timeline, against partitions written by hand."""

from datetime import UTC, datetime
from types import SimpleNamespace

import dagster as dg
import pytest

from mlops_assets.components.model_project.component import ModelProject
from mlops_assets.components.model_project.project.partitions import (
    PeriodRange,
    arrival_partitions,
    cutoff_partitions,
    declared_periods,
    horizon_mapping,
    labelled_mapping,
    one_by_one,
    partition_of,
    seen_mapping,
    table_partitions,
    target_partitions,
)
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.stores.project_folder.files import ProjectFiles
from mlops_assets_tests.support.loans import ATTRIBUTES
from mlops_assets_tests.support.shop import SETTINGS

NOW = datetime(2024, 8, 15, 12, tzinfo=UTC)


@pytest.fixture
def events(tmp_path):
    """A function that creates an event project with partitions, horizon and training window."""

    def project(*, horizon=1, window=None, **partitions):
        settings = {
            **SETTINGS,
            "target": {"column": "quiet", "horizon": horizon},
            "partitions": {"cadence": "monthly", "start": "2024-01", **partitions},
            "training": {"window": window} if window else {},
        }
        declared = ModelProject.model_validate(settings)
        return Project("shop", declared, ProjectFiles("shop", tmp_path), tmp_path)

    return project


def upstream(mapping, partitions, key, *, of=None, now=NOW):
    """The upstream partitions of a partition."""
    found = mapping.get_upstream_mapped_partitions_result_for_partitions(
        partitions.subset_with_partition_keys([key]), partitions, of or partitions, current_time=now
    )
    return sorted(found.partitions_subset.get_partition_keys())


def test_a_project_without_partitions_has_none(make_project):
    project = make_project()
    assert arrival_partitions(project) is None
    assert cutoff_partitions(project) is None
    assert one_by_one(None) is None


@pytest.mark.parametrize(
    ("partitions", "first", "last", "count"),
    [
        ({}, "2024-01", "2024-07", 7),
        ({"end": "2024-03"}, "2024-01", "2024-03", 3),
        ({"cadence": "weekly", "start": "2024-01-10"}, "2024-01-08", "2024-08-05", 31),
        ({"cadence": "daily", "start": "2024-08-01"}, "2024-08-01", "2024-08-14", 14),
        ({"cadence": "weekdays", "start": "2024-08-03"}, "2024-08-02", "2024-08-14", 9),
        ({"cadence": "weekdays", "start": "2024-08-01", "end": "2024-08-09"}, "2024-08-01", "2024-08-09", 7),
    ],
)
def test_a_partition_exists_once_its_period_has_ended(events, partitions, first, last, count):
    keys = arrival_partitions(events(**partitions)).get_partition_keys(current_time=NOW)
    assert (keys[0], keys[-1], len(keys)) == (first, last, count)


@pytest.mark.parametrize(
    ("horizon", "end", "last"), [(1, None, "2024-07"), (1, "2024-05", "2024-04"), (2, "2024-05", "2024-03")]
)
def test_a_target_has_no_partition_whose_horizon_lies_after_the_end(events, horizon, end, last):
    project = events(horizon=horizon, **({"end": end} if end else {}))
    partitions = target_partitions(project)
    assert partitions.get_partition_keys(current_time=NOW)[-1] == last


def test_the_last_cutoff_depends_on_the_last_target(events):
    project = events(end="2024-05")
    targets = target_partitions(project)
    found = upstream(labelled_mapping(project.time), cutoff_partitions(project), "2024-05", of=targets)
    assert found[-1] == "2024-04"


@pytest.mark.parametrize("end", [None, "2024-08-09"])
@pytest.mark.parametrize("cadence", ["daily", "weekdays", "weekly", "monthly"])
def test_the_periods_of_dagsters_partitions_are_those_declared(events, cadence, end):
    project = events(cadence=cadence, start="2024-02-05", **({"end": end} if end else {}))
    partitions = arrival_partitions(project)
    periods = declared_periods(partitions)
    assert periods == project.time.periods
    keys = partitions.get_partition_keys(current_time=NOW)
    assert all(key in periods for key in keys)
    assert periods.shift(keys[0], -1) not in periods


def test_partitions_of_another_kind_have_no_periods():
    assert declared_periods(None) is None
    assert declared_periods(dg.StaticPartitionsDefinition(["a"])) is None
    assert declared_periods(dg.HourlyPartitionsDefinition("2024-01-01-00:00")) is None
    assert declared_periods(dg.DailyPartitionsDefinition("01.01.2024", fmt="%d.%m.%Y")) is None


@pytest.mark.parametrize(("horizon", "first"), [(1, "2024-04"), (2, "2024-07")])
def test_the_first_cutoff_is_three_horizons_after_the_first_partition(events, horizon, first):
    assert cutoff_partitions(events(horizon=horizon)).get_partition_keys(current_time=NOW)[0] == first


def test_features_depend_on_the_partitions_of_their_lookback(events):
    project = events(lookback=3)
    partitions, mapping = arrival_partitions(project), seen_mapping(project.time)
    assert upstream(mapping, partitions, "2024-05") == ["2024-03", "2024-04", "2024-05"]
    assert upstream(mapping, partitions, "2024-02") == ["2024-01", "2024-02"], "none before the start"


def test_features_without_a_lookback_depend_on_all_earlier_partitions(events):
    project = events()
    partitions = arrival_partitions(project)
    found = upstream(seen_mapping(project.time), partitions, "2024-07")
    assert found == partitions.get_partition_keys(current_time=NOW)


@pytest.mark.parametrize(
    ("cadence", "start"), [("daily", "2011-01-01"), ("weekly", "2011-01-03"), ("monthly", "2011-01")]
)
def test_a_code_server_that_was_loaded_years_ago_maps_all_periods(events, monkeypatch, cadence, start):
    class Loaded(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2012, 3, 15, tzinfo=tz)

    monkeypatch.setattr("mlops_assets.components.model_project.project.partitions.datetime", Loaded)
    project = events(cadence=cadence, start=start)
    arrivals, cutoffs = arrival_partitions(project), cutoff_partitions(project)
    seen, labelled = seen_mapping(project.time), labelled_mapping(project.time)
    later = datetime(2026, 11, 15, 12, tzinfo=UTC)
    periods = arrivals.get_partition_keys(current_time=later)
    assert upstream(seen, arrivals, periods[-1], now=later) == periods
    assert upstream(labelled, cutoffs, periods[-1], of=arrivals, now=later) == periods[:-1]
    downstream = seen.get_downstream_partitions_for_partitions(
        arrivals.subset_with_partition_keys(periods[:1]), arrivals, arrivals, current_time=later
    )
    assert sorted(downstream.get_partition_keys()) == periods


def test_the_target_depends_on_its_horizon_without_its_own_partition(events):
    project = events(horizon=2)
    found = upstream(horizon_mapping(project.time), arrival_partitions(project), "2024-02")
    assert found == ["2024-03", "2024-04"]


def test_the_target_of_a_friday_depends_on_the_monday(events):
    project = events(cadence="weekdays", start="2024-08-01", horizon=1)
    partitions = arrival_partitions(project)
    assert upstream(horizon_mapping(project.time), partitions, "2024-08-02") == ["2024-08-05"]


@pytest.mark.parametrize(
    ("horizon", "window", "first", "last"),
    [(1, 2, "2024-04", "2024-06"), (2, 3, "2024-01", "2024-05"), (1, None, "2024-01", "2024-06")],
)
def test_a_training_set_depends_on_training_embargo_and_holdout(events, horizon, window, first, last):
    project = events(horizon=horizon, window=window)
    found = upstream(
        labelled_mapping(project.time), cutoff_partitions(project), "2024-07", of=arrival_partitions(project)
    )
    assert (found[0], found[-1]) == (first, last)
    assert last == project.time.holdout_period("2024-07")
    assert first == project.time.training_periods("2024-07")[0]


def test_a_backfill_has_one_run_per_partition(events):
    policy = one_by_one(arrival_partitions(events()))
    assert policy == dg.BackfillPolicy.multi_run(max_partitions_per_run=1)


@pytest.mark.parametrize("partitions", [None, dg.StaticPartitionsDefinition(["2024-01"])])
def test_a_step_of_an_asset_without_partitions_has_no_partition(partitions):
    context = SimpleNamespace(assets_def=SimpleNamespace(partitions_def=partitions), partition_key="2024-01")
    assert partition_of(context) == ("2024-01" if partitions else None)


@pytest.mark.parametrize(
    ("cadence", "start", "end", "newest"),
    [
        ("daily", "2024-08-01", None, "2024-08-15"),
        ("weekdays", "2024-08-01", None, "2024-08-15"),
        ("weekly", "2024-08-01", None, "2024-08-12"),
        ("monthly", "2024-08", None, "2024-08"),
        ("monthly", "2024-01", "2024-12", "2024-08"),
        ("daily", "2024-08-01", "2024-08-05", "2024-08-05"),
    ],
)
def test_rows_to_predict_have_a_partition_of_the_current_period(tmp_path, cadence, start, end, newest):
    scoring = {"source": "new", "partitions": {"cadence": cadence, "start": start, "end": end}}
    declared = ModelProject.model_validate({**ATTRIBUTES, "scoring": scoring})
    project = Project("lending", declared, ProjectFiles("lending", tmp_path), tmp_path)
    partitions = table_partitions(project, "scoring")
    assert partitions.get_partition_keys(current_time=NOW)[-1] == newest
    assert declared_periods(partitions) == project.periods_of("scoring")
    assert project.periods_of("scoring").newest(NOW) == newest
    assert table_partitions(project, "loans") is None


def test_rows_of_an_asset_are_predicted_once_a_partition_of_it_has_ended(tmp_path):
    """Dagster would request the current partition although the asset has none, and the run would fail."""
    scoring = {"source": {"asset": "crm/open"}, "partitions": {"cadence": "monthly", "start": "2024-01"}}
    declared = ModelProject.model_validate({**ATTRIBUTES, "scoring": scoring})
    project = Project("lending", declared, ProjectFiles("lending", tmp_path), tmp_path)
    partitions = table_partitions(project, "scoring")
    assert partitions.get_partition_keys(current_time=NOW)[-1] == "2024-07"
    assert project.periods_of("scoring").newest(NOW) == "2024-07"


@pytest.mark.parametrize(
    "partitions",
    [
        dg.DailyPartitionsDefinition("2026-01-05", end_date="2026-02-20", fmt="%Y-%m-%d"),
        dg.TimeWindowPartitionsDefinition(
            start="2026-01-05", end="2026-02-20", fmt="%Y-%m-%d", cron_schedule="0 0 * * 1-5"
        ),
        dg.WeeklyPartitionsDefinition("2026-01-05", end_date="2026-06-01", fmt="%Y-%m-%d", day_offset=1),
        dg.MonthlyPartitionsDefinition("2025-01", end_date="2026-06", fmt="%Y-%m"),
    ],
    ids=["daily", "weekdays", "weekly", "monthly"],
)
@pytest.mark.parametrize(("start", "end"), [(-3, 0), (-100, 0), (1, 4), (-6, -2), (0, 0)])
def test_a_range_of_periods_has_the_partitions_of_dagsters_mapping(partitions, start, end):
    mapping = dg.TimeWindowPartitionMapping(
        start_offset=start, end_offset=end, allow_nonexistent_upstream_partitions=True
    )
    found, keys = PeriodRange.of(mapping, partitions, partitions), partitions.get_partition_keys()
    assert found
    for key in keys:
        first, last = found.of_partition(key)
        dagster = mapping.get_upstream_mapped_partitions_result_for_partitions(
            partitions.subset_with_partition_keys([key]), partitions, partitions
        ).partitions_subset.get_partition_keys()
        assert [one for one in keys if first <= one <= last] == list(dagster)


def test_other_mappings_and_partitions_have_no_range_of_periods():
    days = dg.DailyPartitionsDefinition("2026-01-05", fmt="%Y-%m-%d")
    months = dg.MonthlyPartitionsDefinition("2026-01", fmt="%Y-%m")
    window = dg.TimeWindowPartitionMapping()
    assert PeriodRange.of(window, days, months) is None
    assert PeriodRange.of(window, days, None) is None
    assert PeriodRange.of(dg.AllPartitionMapping(), days, days) is None
