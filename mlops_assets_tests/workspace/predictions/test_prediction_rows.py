"""`read_rows`: the rows of a file as the project reads them, whose predictions are those of the table."""

import copy
import gzip
import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from mlops_assets.cli.commands.predict import ROWS_REJECTED
from mlops_assets.core.errors import DataError, ModelError, ProjectError
from mlops_assets.rows import read_rows
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets.workspace.workspace import Workspace
from mlops_assets_tests.support.command_line import mlops
from mlops_assets_tests.support.dg_project import enter_dg_project, write_dg_project
from mlops_assets_tests.support.kept_projects import enter_copy
from mlops_assets_tests.support.parcels import ATTRIBUTES, FEATURES_SQL, SCHEMA, parcels
from mlops_assets_tests.support.shop_project import enter_shop_project


def enter_post_project(root, monkeypatch, mlflow):
    """A project whose text columns look like numbers, as the working directory."""
    files = {"schema.py": SCHEMA, "features.sql": FEATURES_SQL}
    write_dg_project(root, "post", ATTRIBUTES, files, mlflow=mlflow)
    parcels().to_csv(root / "data" / "parcels.csv", sep=";", index=False)
    return enter_dg_project(root, monkeypatch)


@pytest.fixture
def post(tmp_path, monkeypatch, empty_tracking_store):
    return enter_post_project(tmp_path / "project", monkeypatch, empty_tracking_store)


@pytest.fixture(scope="session")
def kept_post(kept, empty_tracking_store):
    def train(root):
        with pytest.MonkeyPatch.context() as patch:
            enter_post_project(root, patch, empty_tracking_store)
            assert mlops("run", "post").exit_code == 0

    return kept.folder("post", train)


@pytest.fixture
def trained_post(kept_post, tmp_path, monkeypatch):
    """The project with its first version."""
    return enter_copy(kept_post, tmp_path / "project", monkeypatch, "post")


@pytest.fixture
def model(trained_post):
    tracking = Workspace(trained_post).tracking
    return tracking.load(tracking.registry.version("post", 1))


def test_rows_of_a_file_are_predicted_like_the_rows_of_the_project(model, trained_post):
    post = trained_post
    [file] = (post / "data").glob("*.csv")
    rows = read_rows("post", file)
    assert rows.columns.tolist() == ["postcode", "code", "country", "weight", "insured", "sent_at"]
    assert rows["postcode"][0] == "02134"
    assert set(rows["country"]) == {"NA", "DE"}
    tables = Warehouse(Workspace(post).state.warehouse)
    valid = tables.frame(("post", "validated_parcels")).sort_values("_row", ignore_index=True)
    expected = model.predict(valid.drop(columns="late"))
    pd.testing.assert_frame_equal(model.predict(rows), expected)

    guessed = pd.read_csv(file, sep=";", decimal=",")
    with pytest.raises(ModelError, match=r"column postcode is text, and row 0 has 2134 \(int\)") as caught:
        model.predict(guessed)
    assert "read the file with mlops_assets.rows.read_rows" in caught.value.hint
    text = pd.read_csv(file, sep=";", dtype=str, keep_default_na=False, na_values=[""])
    pd.testing.assert_frame_equal(model.predict(text), expected)

    done = mlops("predict", "post", "--data", str(file), "--to", "scores.parquet")
    assert (done.exit_code, "error: post has no champion" in done.stderr) == (1, True)
    options = ["--data", str(file), "--to", "scores.parquet", "--columns", "weight", "--json"]
    done = mlops("predict", "post", *options, "--version", "1")
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)
    assert 0 < printed.pop("seconds") < 600
    assert printed == {
        "project": "post",
        "version": 1,
        "to": str(post / "scores.parquet"),
        "rows": 300,
        "predicted": 300,
        "rejected": 0,
        "rules": {},
        "examples": {},
        "rejected_to": None,
    }
    found = pd.read_parquet("scores.parquet")
    pd.testing.assert_frame_equal(found, rows[["weight"]].join(expected))
    assert pq.read_schema("scores.parquet").metadata[b"model_digest"].decode() == model.digest()
    wrong = parcels(20)
    wrong.loc[3, "weight"] = "-1"
    wrong.drop(columns="late").to_csv("new.csv", sep=";", index=False)
    done = mlops("predict", "post", "--data", "new.csv", "--to", "new/scores.csv")
    assert (done.exit_code, f"error: the folder {post / 'new'} does not exist" in done.stderr) == (1, True)
    done = mlops("predict", "post", "--data", "new.csv", "--to", "scores.csv", "--version", "1")
    assert done.exit_code == ROWS_REJECTED
    first, *others = done.stdout.splitlines()
    assert first.startswith("post version 1: 20 rows, 19 predicted, 1 rejected, in ")
    assert others == [
        f"predictions  {post / 'scores.csv'}",
        f"rejected     {post / 'scores.rejected.csv'}",
        "          1  weight: greater_than(0), first in new.csv, row 4: '-1'",
    ]
    scores = pd.read_csv("scores.csv")
    assert scores.columns.tolist() == ["_row", "prediction", "probability"]
    assert scores["_row"].tolist() == [1, 2, 3, *range(5, 21)]
    done = mlops(
        "predict", "post", "--data", "new.csv", "--to", "scores.csv", "--alias", "best", "--overwrite"
    )
    assert (done.exit_code, "post has no version with the alias best" in done.stderr) == (1, True)


def test_times_in_the_zone_of_a_table_are_converted_once(tmp_path, monkeypatch, empty_tracking_store):
    """The project predicts from its own rows, too: 02:30 in UTC would be a time that Berlin skipped."""
    root = tmp_path / "project"
    attributes = copy.deepcopy(ATTRIBUTES)
    attributes["tables"]["parcels"]["time_zone"] = "Europe/Berlin"
    attributes["tuning"]["families"] = ["linear"]
    attributes["behaviour"] = {"invariance": [{"column": "insured", "at_most": 1, "share": 0.5}]}
    files = {"schema.py": SCHEMA, "features.sql": FEATURES_SQL}
    write_dg_project(root, "post", attributes, files, mlflow=empty_tracking_store)
    frame = parcels(400)
    frame["sent_at"] = np.where(frame.index % 3, "2025-03-30 04:30:00", "2025-07-01 12:00:00")
    frame[:300].to_csv(root / "data" / "parcels.csv", sep=";", index=False)
    enter_dg_project(root, monkeypatch)
    first = mlops("run", "post")
    assert first.exit_code == 0, first.output
    frame.to_csv(root / "data" / "parcels.csv", sep=";", index=False)
    second = mlops("run", "post", "--trials", "2")
    assert second.exit_code == 0, second.output

    workspace = Workspace(root)
    tracking, tables = workspace.tracking, Warehouse(workspace.state.warehouse)
    model = tracking.load(tracking.registry.version("post", 2))
    valid = tables.frame(("post", "validated_parcels"))
    features = tables.frame(("post", "features")).set_index("row_id").loc[valid["row_id"]]
    assert set(features["hour"]) == {2, 10}
    computed = model.compute_features(model.as_sent(valid))
    assert computed["hour"].tolist() == features["hour"].tolist()
    rows = read_rows("post", "data/parcels.csv")
    assert set(model.compute_features(rows)["hour"]) == {2, 10}
    text = pd.read_csv(root / "data/parcels.csv", sep=";", dtype=str, keep_default_na=False, na_values=[""])
    served = tracking.load_pyfunc("models:/post/2")
    pd.testing.assert_frame_equal(served.predict(rows), served.predict(text))


TYPES = {
    "nullable": lambda rows: rows.convert_dtypes(),
    "arrow": lambda rows: rows.convert_dtypes(dtype_backend="pyarrow"),
    "category": lambda rows: rows.astype(dict.fromkeys(["postcode", "code", "country"], "category")),
    "object": lambda rows: rows.astype(object),
    "small": lambda rows: rows.astype({"insured": bool, "sent_at": "datetime64[s]"}),
    "zoned": lambda rows: rows.assign(
        sent_at=rows["sent_at"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")
    ),
    "text": lambda rows: rows.astype(str).assign(weight=rows["weight"].astype(str).str.replace(".", ",")),
}


def test_mlflow_and_the_loaded_model_predict_alike_from_every_type_of_the_columns(model, trained_post):
    rows = read_rows("post", "data/parcels.csv")
    expected = model.predict(rows)
    served = Workspace(trained_post).tracking.load_pyfunc("models:/post/1")
    for name, change in TYPES.items():
        changed = change(rows)
        pd.testing.assert_frame_equal(model.predict(changed), expected, obj=name)
        pd.testing.assert_frame_equal(served.predict(changed), expected, obj=f"MLflow, {name}")
    one = pd.concat([served.predict(rows.iloc[[place]]) for place in range(20)])
    pd.testing.assert_frame_equal(one, expected.iloc[:20], obj="row by row")
    with pytest.raises(ModelError, match="column code is text, and row 0 has"):
        served.predict(rows.assign(code=rows["code"].astype(float)))


def test_the_target_is_not_required_and_formats_are_those_of_sources(post):
    frame = parcels()
    expected = read_rows("post", "data/parcels.csv")
    without = frame.drop(columns="late")
    with gzip.open(post / "new.csv.gz", "wt") as file:
        without.to_csv(file, sep=";", index=False)
    numbers = without.assign(weight=without["weight"].str.replace(",", ".").astype(float))
    numbers.to_parquet(post / "new.parquet")
    without.to_json(post / "new.jsonl", orient="records", lines=True)
    for name in ("new.csv.gz", "new.parquet", "new.jsonl"):
        pd.testing.assert_frame_equal(read_rows("post", name), expected)


def test_texts_in_declared_formats_are_read_and_others_reported_with_their_value(post):
    declared = copy.deepcopy(ATTRIBUTES)
    declared["tables"]["parcels"]["formats"] = {"weight": {"unit": "kg"}, "sent_at": "%d.%m.%Y %H:%M"}
    [place] = post.glob("*/defs/post/defs.yaml")
    place.write_text(yaml.safe_dump({"type": "mlops_assets.ModelProject", "attributes": declared}))
    frame = parcels(3).assign(weight=["1,5 kg", "2 kg", "3 kg"], sent_at="31.12.2024 08:30")
    frame.to_csv(post / "new.csv", sep=";", index=False)
    rows = read_rows("post", "new.csv")
    assert rows["weight"].tolist() == [1.5, 2, 3]
    assert set(rows["sent_at"].astype(str)) == {"2024-12-31 08:30:00"}
    frame.assign(weight="3").to_csv(post / "new.csv", sep=";", index=False)
    with pytest.raises(DataError, match=r"new.csv, row 1: weight: format\(1234,5 kg\), found '3'"):
        read_rows("post", "new.csv")


def test_violations_of_the_contract_are_reported_with_file_row_and_rule(post):
    frame = parcels(20)
    frame.loc[3, "weight"] = "-1"
    frame.loc[5, ["weight", "country"]] = ["heavy", None]
    frame.to_csv(post / "new.csv", sep=";", index=False)
    with pytest.raises(DataError) as caught:
        read_rows("post", post / "new.csv")
    assert caught.value.message == (
        "post: table parcels: 2 of 20 rows violate the contract: new.csv, row 4: weight: greater_than(0), "
        "found '-1'; "
        "new.csv, row 6: country: not_nullable, weight: dtype(float64), found 'heavy'"
    )


@pytest.mark.parametrize(
    ("project", "file", "message"),
    [
        ("mail", "data/parcels.csv", "there is no project mail"),
        ("post", "nowhere.csv", "post: table parcels: no file at .*nowhere.csv"),
        ("post", "other.csv", "the file lacks the columns postcode, code.*; it has a, b"),
    ],
)
def test_a_missing_project_file_or_column_is_reported(post, project, file, message):
    (post / "other.csv").write_text("a;b\n1;2\n")
    with pytest.raises((DataError, ProjectError), match=message):
        read_rows(project, file)


def test_an_event_project_has_features_instead(tmp_path, monkeypatch, empty_tracking_store):
    enter_shop_project(tmp_path / "project", monkeypatch, empty_tracking_store)
    with pytest.raises(ProjectError, match="shop is an event project"):
        read_rows("shop", "data/purchases")
