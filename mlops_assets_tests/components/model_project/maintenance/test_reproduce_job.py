"""A version fitted again: the same model, an equal one, or another one, and why."""

import json
import shutil

import pytest

from mlops_assets.components.model_project.maintenance.reproduce_job import reproduce
from mlops_assets.components.model_project.project.metadata_names import REPRODUCTION
from mlops_assets.core.errors import MlopsError
from mlops_assets.stores.tracking.version_diff import recorded_code
from mlops_assets_tests.support.daemon import failure_message
from mlops_assets_tests.support.shop import FEATURES_SQL, MONTHS

FIFTH, SIXTH = MONTHS[4:6]
AS_BEFORE = """from mlops_assets.ml.features.preprocessing import default_pipeline


def make_pipeline():
    return default_pipeline()
"""
WRAPPED = """from sklearn.pipeline import make_pipeline as steps
from mlops_assets.ml.features.preprocessing import default_pipeline


def make_pipeline():
    return steps(default_pipeline())
"""
ONE_FEATURE = """from sklearn.compose import make_column_transformer


def make_pipeline():
    return make_column_transformer(("passthrough", ["recent"]))
"""
BROKEN = "def make_pipeline():\n    raise ValueError('no')\n"


def again(shop):
    version = shop.tracking.registry.version("shop", 1)
    return reproduce(shop.project, shop.warehouse, shop.tracking, version)


def run_job(shop, version: int):
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    return shop.daemon.defs.resolve_job_def("shop_reproduce").execute_in_process(
        instance=shop.instance,
        raise_on_error=False,
        run_config={"ops": {"shop__reproduce": {"config": {"version": version}}}, **quiet},
    )


def observed(result):
    """The observation that the job reports."""
    [metadata] = [
        event.asset_observation_data.asset_observation.metadata[REPRODUCTION].value
        for event in result.all_events
        if event.is_asset_observation
    ]
    return metadata


def write_pipeline(shop, text: str) -> None:
    (shop.project.files.folder / "pipeline.py").write_text(text)


def record(shop, **facts: str) -> None:
    shop.tracking.registry.set_version_tags("shop", 1, facts)


def test_an_old_version_comes_out_identical_from_its_recorded_rows(champion_shop):
    shop = champion_shop
    table = shop.path("training_set")
    with shop.warehouse.connect() as connection:  # the table goes on: another cut-off, other rows of this one
        rows = shop.warehouse.relation(connection, table, partition=FIFTH).project("* exclude (_partition)")
        shop.warehouse.write(table, rows, partition=SIXTH)
        shop.warehouse.write(table, rows.filter("recent > 1"), partition=FIFTH)
    result = run_job(shop, 1)
    assert result.success, failure_message(result)
    found = observed(result)
    assert found["outcome"] == "identical"
    assert [(refit["role"], refit["outcome"]) for refit in found["refits"]] == [
        ("evaluated", "identical"),
        ("serving", "identical"),
    ]
    assert found["refits"][0]["fitted_rows"] < found["refits"][1]["fitted_rows"]
    assert found["differences"] == []


@pytest.mark.parametrize(
    ("pipeline", "outcome"), [(AS_BEFORE, "identical"), (WRAPPED, "equivalent"), (ONE_FEATURE, "different")]
)
def test_a_changed_pipeline_is_reported_with_its_diff_for_every_outcome(champion_shop, pipeline, outcome):
    write_pipeline(champion_shop, pipeline)
    found = again(champion_shop)
    assert found.outcome == outcome
    differences = {each.subject: each for each in found.differences}
    assert "+def make_pipeline():" in differences["pipeline.py"].diff
    assert "not trained in a git repository" in differences["pipeline.py"].hint
    assert ("evaluated model" in differences) is (outcome == "different")
    assert {refit.outcome for refit in found.refits} == {outcome}


def test_the_hint_restores_the_recorded_commit(champion_shop):
    write_pipeline(champion_shop, AS_BEFORE)
    facts = {"git_commit": "0123456789abcdef", "git_folder": "defs/shop", "git_clean": "true"}
    record(champion_shop, **facts)
    [pipeline] = again(champion_shop).differences
    assert pipeline.hint == "git checkout 0123456789ab -- defs/shop/pipeline.py"
    record(champion_shop, git_clean="false")
    assert "uncommitted changes" in again(champion_shop).differences[0].hint


def test_a_pipeline_that_can_not_be_fitted_any_more_is_a_difference(champion_shop):
    write_pipeline(champion_shop, BROKEN)
    found = again(champion_shop)
    assert found.outcome == "different"
    assert [each.subject for each in found.differences] == ["fit", "pipeline.py"]
    assert "make_pipeline raised ValueError: no" in found.differences[0].message
    result = run_job(champion_shop, 1)
    assert "shop: version 1, refitted, is a different model: fit: shop: " in failure_message(result)
    assert observed(result)["outcome"] == "different"


def test_missing_rows_and_a_changed_environment_are_reported(champion_shop):
    recorded = json.loads(champion_shop.tracking.registry.version("shop", 1).facts["environment"])
    record(champion_shop, environment=json.dumps({**recorded, "numpy": "1.0", "python": "2.7"}))
    shutil.rmtree(champion_shop.state.warehouse / "shop" / "training_set")
    found = again(champion_shop)
    assert (found.outcome, found.refits) == ("different", ())
    data, environment = found.differences
    assert "version 1 of the training set" in data.message
    assert f"numpy 1.0, now {recorded['numpy']}" in environment.message
    assert environment.hint == "install the recorded versions: pip install numpy==1.0"


def test_changed_settings_are_reported_and_not_used(champion_shop):
    settings = {"training": {"window": 2}, "tuning": {"trials": 1, "folds": 2, "threads": 2, "seed": 7}}
    champion_shop.declare(settings=settings, features_sql=FEATURES_SQL + "-- more\n")
    found = again(champion_shop)
    assert found.outcome == "identical"
    [difference] = found.differences
    assert difference.subject == "settings"
    assert '+    "seed": 7' in difference.diff


def test_a_changed_artifact_is_refused_and_nothing_is_fitted(champion_shop):
    place = champion_shop.tracking.registry.version("shop", 1).uri.rsplit("/", 1)[-1]
    [file] = [path for path in champion_shop.state.mlflow.rglob("model.json") if place in str(path)]
    file.write_text("{}")
    with pytest.raises(MlopsError, match=r"model.json does not match the manifest"):
        again(champion_shop)
    assert "model.json does not match the manifest" in failure_message(run_job(champion_shop, 1))
    assert "shop has no version 9 in the registry" in failure_message(run_job(champion_shop, 9))


def test_code_that_was_changed_in_the_store_is_not_shown(champion_shop):
    version = champion_shop.tracking.registry.version("shop", 1)
    kept, errors = recorded_code(champion_shop.tracking, version)
    assert set(kept) == {"schema.py", "features.sql", "target.sql", "settings.json"}
    assert not errors
    [file] = [
        path for path in champion_shop.state.mlflow.rglob("code/schema.py") if version.run_id in str(path)
    ]
    file.write_text("import os\n")
    kept, errors = recorded_code(champion_shop.tracking, version)
    assert "schema.py" not in kept
    assert errors == {"schema.py": f"the copy in MLflow run {version.run_id} is missing or was changed"}
