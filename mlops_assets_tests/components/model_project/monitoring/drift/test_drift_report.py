"""drift_report: comparisons of real partitions with the training rows of their model."""

import json

import pytest

from mlops_assets.components.model_project.evaluation.drift_reference import FILE, FOLDER
from mlops_assets.stores.tracking.run_artifacts import read_text
from mlops_assets_tests.support.daemon import failure_message
from mlops_assets_tests.support.shop import FEATURES_SQL, MONTHS

FOURTH, FIFTH, SIXTH = MONTHS[3:6]
ARRIVAL = ("shop/raw_purchases", "shop/validated_purchases", "shop/quarantine_purchases")
DRIFT = {"monitoring": {"reports": ["drift"]}}


@pytest.fixture
def shop(champion_shop):
    champion_shop.declare(settings=DRIFT)
    return champion_shop


def report(shop, month):
    result = shop.daemon.run("shop/drift_report", partition=month)
    assert result.success, failure_message(result)
    found = {
        event.event_specific_data.check_name: event.event_specific_data
        for event in result.all_events
        if event.event_type_value == "ASSET_CHECK_EVALUATION"
    }
    assert {each.partition for each in found.values()} == {month}
    return shop.frame("drift_report", month), found


def stored_reference(shop):
    champion = shop.tracking.registry.champion("shop")
    return read_text(shop.tracking, champion.run_id, f"{FOLDER}/{FILE}")


def test_a_partition_is_compared_with_the_training_rows_and_with_the_partition_before(shop):
    training_set = shop.warehouse.root / "shop" / "training_set"
    moved = training_set.rename(shop.root / "moved")
    assert stored_reference(shop) is None
    rows, checks = report(shop, FIFTH)
    assert rows["note"].tolist() == [
        "not compared: the training rows of version 1 no longer exist, and no reference was kept with the "
        "model"
    ]
    assert checks["no_drift"].description == rows["note"][0]

    moved.rename(training_set)
    rows, checks = report(shop, FIFTH)
    assert set(rows["model_version"]) == {1}
    kinds = rows.groupby("reference")["kind"].agg(set)
    assert kinds["training"] == {"feature", "prediction", "multivariate"}, "the target is not known yet"
    assert {"feature", "multivariate"} <= kinds["previous"]
    training = rows[(rows["reference"] == "training") & (rows["kind"] == "feature")]
    fitted = shop.frame("training_set", FIFTH)
    assert set(training["reference_rows"]) == {len(fitted)}, "it was refitted on all labelled rows"
    assert set(training["rows"]) == {len(shop.frame("features", FIFTH))}
    assert training["importance"].sum() == pytest.approx(1)
    previous = rows[(rows["reference"] == "previous") & (rows["kind"] == "feature")]
    assert set(previous["reference_rows"]) == {len(shop.frame("features", FOURTH))}
    assert checks["no_drift"].passed
    assert "comparisons" in checks["no_drift"].description
    assert checks["no_target_drift"].description.startswith("not compared")
    metadata = shop.metadata("drift_report", FIFTH)
    assert metadata["drifted_columns"] == 0
    assert metadata["largest_weighted_effect"] == pytest.approx(training["weighted_effect"].max())
    assert "data:image/svg+xml;base64," in metadata["most_shifted_column"]

    kept = json.loads(stored_reference(shop))
    assert {each["column"] for each in kept["features"]["columns"]} == set(training["column_name"])
    for file in training_set.rglob("*.parquet"):  # as a vacuum does
        file.unlink()
    shop.declare(settings={"monitoring": {"reports": ["drift"], "drift": {"without": ["amount"]}}})
    rows, checks = report(shop, FIFTH)
    again = rows[(rows["reference"] == "training") & (rows["kind"] == "feature")]
    others = training[training["column_name"] != "amount"].set_index("column_name")["p_value"]
    assert again.set_index("column_name")["p_value"].to_dict() == others.to_dict(), (
        "the histograms outlive the rows"
    )
    assert "the training rows no longer exist" in checks["no_drift"].description

    shop.declare(settings={"monitoring": {"reports": ["drift"], "drift": {"without": ["amout"]}}})
    message = failure_message(shop.daemon.run("shop/drift_report", partition=FIFTH))
    assert "monitoring.drift.without.0 is 'amout', which is not a column; did you mean amount?" in message


def test_a_changed_feature_drifts_and_the_target_is_compared_once_it_is_known(shop):
    assert shop.daemon.run("shop/registered_model", partition=FIFTH).success
    assert json.loads(stored_reference(shop))["format"] == 1, "a registered version keeps its reference"
    features = FEATURES_SQL.replace("sum(amount::", "300 + sum(amount::")
    assert features != FEATURES_SQL
    shop.declare(settings=DRIFT, features_sql=features)
    assert shop.daemon.run("shop/features", partition=FIFTH).success
    shop.write(SIXTH)
    assert shop.daemon.run(*ARRIVAL, partition=SIXTH).success
    assert shop.daemon.run("shop/target", partition=FIFTH).success
    rows, checks = report(shop, FIFTH)
    assert not checks["no_drift"].passed
    assert checks["no_drift"].severity.value == "WARN"
    assert "amount" in checks["no_drift"].description
    drifted = rows[rows["drifted"] & (rows["kind"] == "feature")]
    assert "amount" in set(drifted["column_name"])
    assert (drifted["p_adjusted"] <= 0.015).all()
    [target] = rows[(rows["kind"] == "target") & (rows["reference"] == "training")].to_dict("records")
    assert target["column_name"] == "quiet"
    assert target["rows"] == len(shop.frame("target", FIFTH))
