"""Rules of retraining over histories with known answers."""

from dataclasses import replace

import pytest

from mlops_assets.core.periods import Periods
from mlops_assets.ml.monitoring.retraining_rules import History, Report, Rules, Tick, decide

MONTHS = Periods("monthly", "2025-01")
DRIFT = Rules(when=["drift"], needed=2, newest=3)
LOSS = Rules(when=["performance"], needed=2, newest=3)
NEXT = "the next labelled cut-off is 2025-04"
TRAINED = History(candidate="2025-03", trained="2025-03", champion=1, next=NEXT)


def arrived(month, history=TRAINED):
    """The history after the arrival of a month, whose cut-off is labelled with it."""
    gap = len(MONTHS.between(history.trained, month)) - 1
    return replace(history, candidate=month, is_new=month > history.trained, gap=gap, new_data=gap)


def drifted(month, failed=True, version=1):
    figures = [{"name": "days_since_last", "effect_size": 0.3}] if failed else []
    return Report("drift", month, month, failed, version, figures)


def with_reports(history, *reports):
    return replace(history, reports=[*history.reports, *reports])


def train_at(history, champion):
    return replace(
        history, trained=history.candidate, champion=champion, is_new=False, gap=0, new_data=0, tick=None
    )


def test_drift_in_two_of_three_reports_trains_the_newest_labelled_cutoff():
    first = with_reports(arrived("2025-04"), drifted("2025-04"))
    assert not decide(DRIFT, first).train
    clear = with_reports(arrived("2025-05"), drifted("2025-04"), drifted("2025-05", failed=False))
    assert not decide(DRIFT, clear).train
    found = decide(DRIFT, with_reports(arrived("2025-06", clear), drifted("2025-06")))
    assert (found.name, found.cutoff, found.rules) == ("train", "2025-06", ("drift",))
    assert found.reason == (
        "drift: drift in 2 of 3 reports since cut-off 2025-03 (2025-04: days_since_last, 2025-06: "
        "days_since_last), 2 of 3 are required. Trains cut-off 2025-06"
    )
    assert [one["partition"] for one in found.evidence["drift"]["failed"]] == ["2025-04", "2025-06"]


def test_evidence_older_than_the_newest_reports_does_not_count():
    months = ["2025-04", "2025-05", "2025-06", "2025-07"]
    reports = [drifted(month, failed=month in ("2025-04", "2025-07")) for month in months]
    assert not decide(DRIFT, with_reports(arrived("2025-07"), *reports)).train
    assert decide(replace(DRIFT, newest=4), with_reports(arrived("2025-07"), *reports)).train


@pytest.mark.parametrize("champion", [2, 1], ids=["promoted", "rejected"])
def test_a_training_uses_its_evidence_up_whether_its_version_is_promoted_or_rejected(champion):
    history = with_reports(arrived("2025-05"), drifted("2025-04"), drifted("2025-05"))
    assert decide(DRIFT, history).train
    after = train_at(history, champion)
    found = decide(DRIFT, after)
    assert (found.train, found.rules) == (False, ())
    once = with_reports(arrived("2025-06", after), drifted("2025-06", version=champion))
    assert not decide(DRIFT, once).train
    twice = with_reports(arrived("2025-07", once), drifted("2025-07", version=champion))
    assert decide(DRIFT, twice).cutoff == "2025-07"


def test_a_cutoff_is_never_trained_twice_and_evidence_waits_for_the_next_one():
    late = replace(TRAINED, reports=[drifted("2025-04"), drifted("2025-05")])
    found = decide(DRIFT, late)
    assert found.reason.endswith(f"Not trained: cut-off 2025-03 is trained already; {NEXT}")
    assert (found.train, found.rules) == (False, ("drift",))
    assert decide(DRIFT, arrived("2025-04", late)).train
    cleared = with_reports(late, drifted("2025-06", failed=False), drifted("2025-07", failed=False))
    assert not decide(DRIFT, arrived("2025-04", cleared)).rules


def test_drift_of_the_target_counts_when_its_labels_are_known():
    target = [
        Report("target_drift", partition, known, True, 1, [{"name": "churned"}])
        for partition, known in [("2024-12", "2025-03"), ("2025-01", "2025-04"), ("2025-02", "2025-05")]
    ]
    one = with_reports(arrived("2025-04"), *target[:2], drifted("2025-04"))
    assert not decide(DRIFT, one).train
    found = decide(DRIFT, with_reports(arrived("2025-05"), *target, drifted("2025-04")))
    assert found.train
    assert found.reason.startswith("drift: drift of the target in 2 of 2 reports")
    both = decide(DRIFT, with_reports(arrived("2025-05"), *target, drifted("2025-04"), drifted("2025-05")))
    assert "(2025-01: churned, 2025-02: churned)" in both.reason


def test_reports_about_a_former_champion_do_not_count():
    history = replace(arrived("2025-05"), champion=2)
    assert not decide(DRIFT, with_reports(history, drifted("2025-04"), drifted("2025-05"))).train


def test_the_cooldown_counts_partitions_between_cutoffs():
    rules = replace(DRIFT, cooldown=3)
    history = with_reports(arrived("2025-05"), drifted("2025-04"), drifted("2025-05"))
    found = decide(rules, history)
    assert "Not trained: cooldown of 3 partitions: cut-off 2025-05 is 2 after 2025-03" in found.reason
    assert not found.train
    assert decide(rules, arrived("2025-06", history)).train
    first = replace(history, trained=None)
    assert decide(rules, first).train  # nothing was trained before


def test_a_measured_loss_counts_at_once_and_an_estimated_one_as_drift_does():
    estimated = [Report("estimated", month, month, True, 1) for month in ("2025-04", "2025-05")]
    one = with_reports(arrived("2025-04"), estimated[0])
    assert not decide(LOSS, one).train
    assert decide(LOSS, with_reports(arrived("2025-05"), *estimated)).train
    lost = Report("measured", "2025-01", "2025-04", True, 1, [{"name": "roc_auc", "value": 0.7}])
    found = decide(LOSS, with_reports(arrived("2025-04"), lost))
    assert found.train
    assert found.reason.startswith("performance: measured loss in 2025-01: roc_auc.")


def test_the_truth_replaces_the_estimate_of_its_partition():
    estimated = [Report("estimated", month, month, True, 1) for month in ("2025-04", "2025-05")]
    truth = Report("measured", "2025-04", "2025-07", False, 1)
    history = with_reports(arrived("2025-07"), *estimated, truth)
    found = decide(LOSS, history)
    assert not found.train
    assert "1 of 1 report" in found.reason


def test_a_measured_loss_that_was_known_at_the_last_training_does_not_count():
    lost = Report("measured", "2024-12", "2025-03", True, 1)
    assert not decide(LOSS, with_reports(arrived("2025-04"), lost)).train


def test_new_data_counts_labelled_cutoffs_since_the_last_training():
    rules = Rules(when=["new_data"], new_data=2)
    assert not decide(rules, arrived("2025-04")).train
    found = decide(rules, arrived("2025-05"))
    assert (found.train, found.cutoff) == (True, "2025-05")
    idle = decide(rules, TRAINED)
    assert idle.reason == f"new_data: 0 labelled cut-offs since cut-off 2025-03, 2 required; {NEXT}"


def test_the_first_model_requires_one_labelled_cutoff():
    history = History(candidate="2025-03", is_new=True, is_first=True, new_data=1)
    found = decide(Rules(when=["new_data"], new_data=6, cooldown=6), history)
    assert (found.cutoff, found.reason) == (
        "2025-03",
        "new_data: 1 labelled cut-off, and no model yet. Trains cut-off 2025-03",
    )


def test_a_project_without_cutoffs_trains_only_on_changed_rows():
    rules = Rules(when=["new_data", "drift"], needed=1, newest=1, new_data=100)
    history = History(events=False, is_new=True, new_data=99, champion=1)
    assert not decide(rules, history).train
    assert decide(rules, replace(history, new_data=100)).rules == ("new_data",)
    drift = replace(history, reports=[Report("drift", "", "", True, 1)])
    assert decide(rules, drift).rules == ("drift",)
    unchanged = decide(rules, replace(drift, is_new=False))
    assert (unchanged.train, unchanged.rules) == (False, ("drift",))
    assert "the rows have not changed since the last training" in unchanged.reason


def test_only_a_tick_of_the_schedule_trains_a_cutoff_again():
    rules = Rules(when=["schedule", "drift"])
    tick = Tick("2025-04-02 07:00", "2025-03")
    assert decide(rules, replace(TRAINED, tick=tick)).cutoff == "2025-03"
    assert decide(rules, replace(arrived("2025-04"), tick=tick)).cutoff == "2025-04"
    assert not decide(rules, TRAINED).train


def test_two_rules_make_one_decision():
    rules = Rules(when=["schedule", "drift"], needed=1, newest=1)
    history = with_reports(arrived("2025-04"), drifted("2025-04"))
    found = decide(rules, replace(history, tick=Tick("2025-05-02 07:00", "2025-04")))
    assert (found.rules, found.cutoff) == (("schedule", "drift"), "2025-04")


def test_without_labels_nothing_is_trained():
    history = History(next="the first cut-off is 2025-04", champion=None)
    found = decide(Rules(when=["new_data"]), history)
    assert not found.train
    assert found.reason == (
        "new_data: 0 labelled cut-offs since the last training; the first cut-off is 2025-04"
    )
