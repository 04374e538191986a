"""Drafts of event projects: partitions that the log has, a target by an expression, features by type."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from mlops_assets.core.errors import MlopsError
from mlops_assets.scaffolding.drafting import draft_from
from mlops_assets.scaffolding.event_draft import EventDraft
from mlops_assets.scaffolding.templates import write_files

LATER = datetime(2030, 1, 1)


def log(first: str, last: str, *, rows: int = 400, name: str = "at") -> pd.DataFrame:
    """Events of 20 entities, evenly between two times."""
    number = np.arange(rows)
    return pd.DataFrame(
        {
            "order_id": [f"o{row}" for row in number],
            "customer": [f"c{row % 20}" for row in number],
            name: pd.date_range(first, last, periods=rows).round("s"),
            "amount": (number % 50) * 1.5,
            "channel": np.where(number % 3, "web", "app store"),
            "product": [f"p{row % 37}" for row in number],
            "gift": np.where(number % 4, "false", "true"),
            "country": "DE",
        }
    )


@pytest.fixture
def draft(tmp_path: Path):
    def run(frame: pd.DataFrame, **given) -> EventDraft:
        frame.to_csv(tmp_path / "log.csv", index=False)
        options = {"time": "at", "entity": ["customer"], **given}
        return draft_from("shop", tmp_path, data=tmp_path / "log.csv", **options)

    return run


@pytest.mark.parametrize(
    ("first", "last", "cadence", "start", "end"),
    [
        ("2023-01-10", "2024-03-31 23:00", "monthly", "2023-01", "2024-03"),
        ("2023-01-10", "2024-03-17", "monthly", "2023-01", "2024-02"),
        ("2024-01-03", "2024-05-05 12:00", "weekly", "2024-01-01", "2024-04-29"),
        ("2024-01-03", "2024-05-08", "weekly", "2024-01-01", "2024-04-29"),
        ("2024-01-03", "2024-02-20 23:00", "daily", "2024-01-03", "2024-02-20"),
    ],
)
def test_partitions_are_the_longest_that_the_log_has_enough_of_and_end_complete(
    draft, first, last, cadence, start, end
):
    found = draft(log(first, last)).periods
    assert (found.cadence, found.first, found.last) == (cadence, start, end)


def test_a_log_that_is_continued_has_no_end(draft):
    now = pd.Timestamp.now("UTC").tz_localize(None)
    made = draft(log(str(now - pd.Timedelta(days=600)), str(now)))
    assert made.periods.last is None
    assert not any("partitions end" in note for note in made.notes)


@pytest.mark.parametrize(("skipped", "doubted"), [(0, True), (2, False)])
def test_a_target_that_is_hardly_ever_true_is_doubted_with_an_expression(draft, skipped, doubted):
    frame = log("2023-01-10", "2024-03-31 23:00", rows=4_000).drop(columns=["product", "gift"])
    quiet = (frame["customer"] == "c1") & (frame["at"].dt.month <= skipped)
    notes = draft(frame[~quiet]).notes
    text = (
        "100 % of the partitions of each customer have rows, so hardly any is ever inactive; predict "
        "something else, such as --target \"count(*) filter (channel = 'app store') > 0\""
    )
    assert (text in notes) is doubted, notes
    others = draft(frame, target="sum(amount)").notes
    assert not any("ever inactive" in note for note in others)


def test_a_few_wrong_early_times_do_not_decide_the_first_partition(draft):
    frame = log("2023-01-10", "2024-03-31 23:00", rows=4000)
    frame.loc[0, "at"] = pd.Timestamp("1970-01-01")
    assert draft(frame).periods.first == "2023-01"


@pytest.mark.parametrize(
    ("expression", "task", "column"),
    [
        ("", "binary", "inactive"),
        ("sum(amount)", "regression", "target"),
        ("count(*) >= 3", "binary", "target"),
        ("count(*) filter (channel = 'web')", "regression", "target"),
    ],
)
def test_the_task_follows_from_the_type_of_the_expression(draft, tmp_path, expression, task, column):
    made = draft(log("2023-01-10", "2024-03-31"), target=expression)
    assert (made.task, made.target_name) == (task, column)
    write_files(made, tmp_path, drafted=True)
    declared = yaml.safe_load((tmp_path / "defs.yaml").read_text("utf-8"))["attributes"]["target"]
    assert ("minimum" in declared) == (expression == "count(*) filter (channel = 'web')"), "a count"


def test_features_follow_from_the_types_of_the_columns(draft):
    made = draft(log("2023-01-10", "2024-03-31"))
    assert [column.name for column in made.numbers] == ["amount"]
    assert [(column.name, values) for column, values in made.texts] == [
        ("channel", {"web": "share_channel_web", "app store": "share_channel_app_store"}),
        ("product", {}),
    ]
    assert [column.name for column in made.flags] == ["gift"]
    assert made.key == ["order_id"]
    roles = {column.name: made.role(column) for column in made.columns}
    assert (roles["at"], roles["customer"], roles["country"]) == ("time", "entity", "no feature")


@pytest.mark.parametrize(
    ("months", "lookback", "windows"), [(5, 2, ["1_month"]), (6, 3, ["1_month", "3_months"])]
)
def test_no_window_is_longer_than_the_lookback(draft, months, lookback, windows):
    """`events_3_months` of two months would be a wrong name."""
    last = pd.Timestamp("2024-01-01") + pd.DateOffset(months=months) - pd.Timedelta(hours=1)
    made = draft(log("2024-01-01 09:00", str(last)), cadence="monthly", horizon=1)
    assert made.lookback == lookback
    assert [name for _, name in made.windows] == windows


def test_files_with_different_dates_are_partitions_by_name(tmp_path):
    frame = log("2023-01-01", "2024-03-31")
    for month, rows in frame.groupby(frame["at"].dt.strftime("%Y-%m")):
        rows.to_csv(tmp_path / f"orders_{month}.csv", index=False)
    options = {"time": "at", "entity": ["customer"]}
    assert draft_from("shop", tmp_path, data=tmp_path, **options).by_file_name
    frame.to_csv(tmp_path / "orders.csv", index=False)
    assert not draft_from("shop", tmp_path, data=tmp_path, **options).by_file_name


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"time": "when"}, "has no column when"),
        ({"entity": ["customer", "shop"]}, "has no column shop"),
        ({"time": "channel"}, "column channel has no times but varchar, from app store to web"),
        (
            {"horizon": 6},
            "has 15 monthly partitions, from 2023-01-10 to 2024-03-31; a horizon of 6 requires at",
        ),
        ({"target": "sum(amont)"}, "the target 'sum(amont)' can't be computed"),
        ({"target": "max(channel)"}, "is of type VARCHAR: neither a number nor a truth value"),
    ],
)
def test_an_impossible_draft_is_an_error_that_names_the_reason(draft, record_property, given, message):
    with pytest.raises(MlopsError, match=message.replace("(", r"\(").replace(")", r"\)")) as caught:
        draft(log("2023-01-10", "2024-03-31 23:00"), **given)
    record_property("message", str(caught.value))


def test_future_and_single_early_times_are_notes_and_decide_no_partition(draft):
    frame = log("2023-01-10", "2024-03-31 23:00", rows=4000)
    frame.loc[[7, 8], "at"] = [datetime(2099, 1, 1), datetime(1900, 1, 1)]
    found = draft(frame)
    assert (found.periods.first, found.periods.last) == ("2023-01", "2024-03")
    assert found.notes[:2] == [
        "some rows have a future at, up to 2099-01-01 00:00:00; they belong to no partition yet",
        "few rows have an earlier at, from 1900-01-01 00:00:00; partitions start with 2023-01",
    ]


def test_the_rejection_limit_allows_for_rows_without_an_entity(draft):
    frame = log("2023-01-10", "2024-03-31 23:00")
    assert draft(frame).max_rejected_share == 0.05
    frame.loc[frame.index % 8 == 0, "customer"] = None
    found = draft(frame)
    assert found.max_rejected_share == 0.25
    assert "50 of 400 rows have no customer and will be quarantined" in found.notes
