"""`mlops run` decides about a project without partitions, whose rows have changed or not."""

import pandas as pd
import yaml
from dagster import AssetKey

from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets.workspace.dagster_run import run_assets
from mlops_assets.workspace.workspace import Workspace
from mlops_assets_tests.support.command_line import flat, mlops


def test_a_project_without_partitions_trains_again_after_its_rows_have_changed(lending):
    [file] = lending.glob("*/defs/lending/defs.yaml")
    declared = yaml.safe_load(file.read_text("utf-8"))
    declared["attributes"]["retrain"] = {"when": ["new_data"], "new_rows": 10}
    file.write_text(yaml.safe_dump(declared), "utf-8")
    assert "retraining keep: new_data: the rows have not changed" in flat(mlops("run", "lending").output)
    assert "lending is up to date" in flat(mlops("run", "lending").output)
    data = lending / "data" / "loans.csv"
    loans = pd.read_csv(data)
    pd.concat([loans, loans.head(12).assign(amount=lambda rows: rows["amount"] + 7)]).to_csv(
        data, index=False
    )
    mlops("run", "lending", "--until", "features")
    workspace = Workspace(lending)
    with workspace.instance() as instance:  # as the daemon does, which trains nothing by itself
        key = AssetKey(["lending", "retraining"])
        assert run_assets(workspace, instance, {key}, None, {}, lambda event: None).success
    found = Warehouse(workspace.state.warehouse).frame(["lending", "retraining"])
    assert found["decision"].tolist() == ["keep", "train"]
    assert found["reason"].iloc[-1] == (
        "new_data: 12 rows since the last training, 10 required. Trains the rows of today"
    )
