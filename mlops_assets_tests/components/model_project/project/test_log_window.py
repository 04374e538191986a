"""Which days of requests belong to a report."""

from datetime import date

from mlops_assets.components.model_project.project.log_window import LogWindow

DAYS = ["2024-05-31", "2024-06-01", "2024-06-02", "2024-06-30", "2024-07-01"]


def test_a_partition_of_an_event_project_has_the_requests_of_the_period_after_it():
    window = LogWindow.of_metadata(LogWindow("shop/prediction_log", "monthly", "2024-01", 1, 7).to_text())
    assert window.chosen("2024-05", DAYS, date(2024, 8, 1)) == ["2024-06-01", "2024-06-02", "2024-06-30"]
    assert window.chosen("2024-05", DAYS, date(2024, 6, 2)) == ["2024-06-01"], (
        "a day counts once it has ended"
    )
    assert [window.partition_of(day) for day in DAYS[:2]] == ["2024-04", "2024-05"]


def test_without_partitions_the_last_days_are_read():
    window = LogWindow("shop/prediction_log", None, "", 0, 2)
    assert window.chosen(None, DAYS, date(2024, 7, 1)) == ["2024-06-02", "2024-06-30"]
    assert window.partition_of(DAYS[0]) is None
