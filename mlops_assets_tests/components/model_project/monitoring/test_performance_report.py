"""performance_report: estimates before the targets arrive, and the truth after that."""

import dagster as dg
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from mlops_assets.components.model_project.monitoring.performance.performance_report import (
    COLUMNS,
    ESTIMATED_PERFORMANCE_HOLDS,
    PERFORMANCE_HOLDS,
)
from mlops_assets.components.model_project.monitoring.performance.version_report import reconciled
from mlops_assets.ml.monitoring.performance import Figure
from mlops_assets_tests.support.shop import MONTHS

TRAINED, SCORED, NEXT = MONTHS[3], MONTHS[4], MONTHS[5]
KEY = dg.AssetKey(["shop", "performance_report"])
DECLARED = {
    "monitoring": {"reports": ["performance"], "performance": {"margin": 0.05}},
    "evaluation": {"slices": ["channel"]},
}


@pytest.mark.parametrize(
    ("measured", "low", "note"),
    [
        (0.75, 0.7, "estimated 0.800, error 0.0500"),
        (
            0.65,
            0.7,
            "estimated 0.800, error 0.150; outside of the estimate's 95 % interval, 0.700 to 0.900: ",
        ),
        (float("nan"), 0.7, "estimated 0.800; the measured value is undefined"),
        (0.65, float("nan"), "estimated 0.800, error 0.150"),
    ],
)
def test_only_a_truth_outside_of_the_interval_suggests_another_concept(measured, low, note):
    estimate = Figure("roc_auc", 0.8, low, 0.9, 0.05, 30)
    text = reconciled(Figure("roc_auc", measured, measured, measured, 0.0, 30), estimate)
    assert text == note + "the concept may have changed" * note.endswith(": ")


def run_report(shop, first: str, last: str) -> None:
    span = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    job = shop.daemon.defs.resolve_job_def("shop_monitor")
    assert job.execute_in_process(instance=shop.instance, tags=span, raise_on_error=False).success


def figures(shop, partition: str, kind: str):
    frame = shop.frame("performance_report", partition)
    own = frame[(frame["kind"] == kind) & frame["slice_column"].isna()]
    return own.set_index("metric")


def outcome(shop, check: str, partition: str = SCORED) -> tuple[bool, str]:
    """Of the newest report on a partition: whether the check passed, and its description."""
    records = shop.instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(KEY, check), limit=10
    )
    found = [record.event.dagster_event.asset_check_evaluation_data for record in records]
    return next((each.passed, each.description) for each in found if each.partition == partition)


def test_predictions_are_estimated_and_measured_once_their_targets_arrive(champion_shop):
    shop = champion_shop
    shop.declare(settings=DECLARED)
    run_report(shop, TRAINED, SCORED)
    assert shop.frame("performance_report", TRAINED).empty, "the version was fitted on these rows"
    passed, text = outcome(shop, PERFORMANCE_HOLDS, TRAINED)
    assert passed
    assert text.endswith("rows left out, on which their version was or may have been fitted")
    before = shop.frame("performance_report", SCORED)
    assert list(before.columns) == [*COLUMNS, "_partition"]
    assert set(before["kind"]) == {"estimated"}
    estimates = figures(shop, SCORED, "estimated")
    logged = shop.tracking.model_of_run(shop.tracking.registry.champion("shop").run_id).metrics
    for metric in ("roc_auc", "log_loss", "f1"):
        assert estimates.loc[metric, "at_registration"] == pytest.approx(logged[f"test_{metric}"])
    assert (estimates["low"] <= estimates["value"]).all()
    assert (estimates["value"] <= estimates["high"]).all()
    assert estimates["note"].str.contains("a change of it is not seen").all()
    passed, text = outcome(shop, PERFORMANCE_HOLDS)
    assert (passed, text) == (True, "not measured yet: no target has arrived")
    assert outcome(shop, ESTIMATED_PERFORMANCE_HOLDS)[0]

    shop.write(NEXT)
    assert SCORED in shop.ingest(NEXT)["shop/performance_report"]
    measured = figures(shop, SCORED, "measured")
    scores = shop.frame("predictions", SCORED).merge(shop.frame("target", SCORED), on="customer")
    truth, probability = scores["quiet"], scores["probability"]
    assert measured.loc["log_loss", "value"] == pytest.approx(log_loss(truth, probability))
    assert measured.loc["roc_auc", "value"] == pytest.approx(roc_auc_score(truth, probability))
    assert measured.loc["mean_error", "value"] == pytest.approx((probability - truth).mean())
    assert set(measured["model_version"]) == {1}
    assert estimates["value"].equals(figures(shop, SCORED, "estimated")["value"])
    assert measured.loc["log_loss", "note"].startswith("estimated 0.")
    assert measured["holds"].dropna().index.tolist() == ["log_loss", "mean_error"]
    sliced = shop.frame("performance_report", SCORED).dropna(subset="slice_column")
    assert set(sliced["slice_value"]) == {"shop", "web"}
    metadata = shop.metadata("performance_report", SCORED)
    assert metadata["log_loss"] == measured.loc["log_loss", "value"]
    assert metadata["estimated_log_loss"] == estimates.loc["log_loss", "value"]
    assert metadata["estimate_mean_error"] == pytest.approx(
        estimates.loc["log_loss", "value"] - measured.loc["log_loss", "value"]
    )
    assert metadata["labelled_rows"] == len(scores)
    assert shop.metadata("performance_report", NEXT)["course"].startswith(
        "![log_loss by partition](data:image"
    )
