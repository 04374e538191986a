"""Differences of two versions: rows, tables, code, parameters, metrics and environment."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mlflow
import pytest

from mlops_assets.core import names
from mlops_assets.core.digests import text_digest
from mlops_assets.core.errors import ModelError
from mlops_assets.ml.model.artifact import save_model
from mlops_assets.stores.tracking.registry import Version
from mlops_assets.stores.tracking.run_artifacts import write_texts
from mlops_assets.stores.tracking.tracking import TrackingStore
from mlops_assets.stores.tracking.version_diff import diff_model_versions
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets_tests.support.garage import StartRun, garage_model

TABLE = ("garage", "training_set")
Register = Callable[..., Version]


@pytest.fixture
def register(
    tracking: TrackingStore, warehouse: Warehouse, run: StartRun, rows: Callable, tmp_path: Path
) -> Register:
    """Log and register a model of some rows."""

    def make(
        number: int,
        values: str,
        *,
        sql: str,
        code: dict[str, str],
        partition: str | None = None,
        **facts: str,
    ) -> Version:
        written = warehouse.write(TABLE, rows(values, "row_id, price, size"), partition=partition)
        run_id, folder = run(), tmp_path / f"model_{number}"
        model = replace(garage_model(), features_sql=sql)
        digest = save_model(model, folder)
        mlflow.set_tracking_uri(tracking.uri)
        with mlflow.start_run(run_id=run_id):
            uri = tracking.log_model(folder, model.spec)
        if code:
            write_texts(tracking, run_id, names.CODE, code)
            digests = {name: text_digest(name, text) for name, text in code.items()}
            facts[names.CODE_DIGESTS] = json.dumps(digests)
        facts |= {"model_digest": digest, "model_uri": uri, "training_set_version": str(written.version)}
        facts |= {"training_set_digest": written.digest} | ({"cutoff": partition} if partition else {})
        tracking.log_facts(
            run_id, params={"family": "linear", "penalty": number}, metrics={"test_rmse": number}, facts=facts
        )
        trained = tracking.trained_model("garage")
        return tracking.registry.register("garage", trained, trained.facts)

    return make


SQL, OTHER_SQL = "from cars", "from cars -- of all colours"
CODE = {"schema.py": "a = 1\n", "pipeline.py": "b = 1\n"}


def test_two_versions_differ_in_rows_tables_code_parameters_metrics_and_environment(
    tracking: TrackingStore, warehouse: Warehouse, register: Register
):
    environment, inputs = {"python": "3.11.1", "numpy": "2.0"}, {"garage/features": 3, "garage/target": 1}
    first = register(
        1,
        "(1, 1.0, 2.0), (2, 2.0, 2.0), (3, 3.0, 3.0)",
        sql=SQL,
        code=CODE,
        environment=json.dumps(environment),
        inputs=json.dumps(inputs),
    )
    second = register(
        2,
        "(2, 2.5, 2.0), (3, 3.0, 3.0), (4, 4.0, 4.0), (5, 5.0, 5.0)",
        sql=OTHER_SQL,
        code={**CODE, "pipeline.py": "b = 2\n"},
        environment=json.dumps({**environment, "numpy": "2.1", "scipy": "1.0"}),
        inputs=json.dumps({**inputs, "garage/features": 4}),
    )
    found = diff_model_versions(warehouse, tracking, first, second, identity=["row_id"])
    assert (found.data.rows.added, found.data.rows.removed, found.data.rows.changed) == (2, 1, 1)
    assert found.tables == {"garage/features": ("3", "4")}
    assert list(found.code) == ["features.sql", "pipeline.py"]
    assert "-b = 1\n+b = 2" in found.code["pipeline.py"]
    assert f"-{SQL}\n+{OTHER_SQL}" in found.code["features.sql"]
    assert "--- features.sql (version 1)" in found.code["features.sql"]
    assert found.code_errors == {}
    assert found.parameters == {"penalty": ("1", "2")}
    assert found.metrics == {"test_rmse": (1.0, 2.0)}
    assert found.environment == {"numpy": ("2.0", "2.1"), "scipy": ("absent", "1.0")}
    assert {"training_set_version", "training_set_digest"} <= set(found.facts)
    assert not found.same_model
    assert json.dumps(found.to_json())
    assert diff_model_versions(warehouse, tracking, first, first).data.rows is None


def test_versions_of_two_cut_offs_are_compared_across_partitions(
    tracking: TrackingStore, warehouse: Warehouse, register: Register
):
    first = register(1, "(1, 1.0, 2.0)", sql=SQL, code=CODE, partition="2025-01")
    second = register(2, "(1, 1.0, 2.0), (2, 2.0, 2.0)", sql=SQL, code=CODE, partition="2025-02")
    found = diff_model_versions(warehouse, tracking, first, second, identity=["row_id"])
    assert (found.data.rows.added, found.data.rows.removed, found.data.rows.changed) == (1, 0, 0)
    assert found.data.partitions == ("2025-01", "2025-02")
    assert found.facts["cutoff"] == ("2025-01", "2025-02")


def test_missing_rows_and_code_are_reported_and_the_rest_is_compared(
    tracking: TrackingStore, warehouse: Warehouse, register: Register
):
    old = register(1, "(1, 1.0, 2.0)", sql=SQL, code={})
    new = register(2, "(1, 1.0, 3.0)", sql=OTHER_SQL, code=CODE)
    [kept] = tracking.artifacts.rglob("code/pipeline.py")
    kept.write_text("import os\n")
    shutil.rmtree(warehouse.root.joinpath(*TABLE))
    found = diff_model_versions(warehouse, tracking, old, new)
    assert found.data is None
    assert "training_set" in found.data_error
    assert found.parameters == {"penalty": ("1", "2")}
    assert found.code_errors == {
        "pipeline.py": f"the copy in MLflow run {new.run_id} is missing or was changed"
    }
    assert "import os" not in str(found.to_json())


def test_the_query_of_a_changed_artifact_is_an_error(
    tracking: TrackingStore, warehouse: Warehouse, register: Register
):
    first = register(1, "(1, 1.0, 2.0)", sql=SQL, code=CODE)
    second = register(2, "(1, 1.0, 3.0)", sql=OTHER_SQL, code=CODE)
    for file in tracking.artifacts.rglob("features.sql"):
        file.write_text("select 1")
    with pytest.raises(ModelError, match=r"features.sql does not match the manifest"):
        diff_model_versions(warehouse, tracking, first, second)
