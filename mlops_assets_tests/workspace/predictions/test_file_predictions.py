"""`predict_files`: predictions of the rows of files, and the rows that violate the contract."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pyarrow.parquet as pq
import pytest

from mlops_assets.core.errors import DataError, ProjectError
from mlops_assets.ml.contracts.batch_check import contract_of_types
from mlops_assets.ml.contracts.columns import Column
from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.families import Settings
from mlops_assets.ml.features.preprocessing import default_pipeline
from mlops_assets.ml.model.tabular_model import ModelSpec, TabularModel
from mlops_assets.ml.scoring.input_contract import raw_input_contracts
from mlops_assets.stores.sources.base import Ingestion
from mlops_assets.workspace.predictions import file_predictions
from mlops_assets.workspace.predictions.file_predictions import predict_files, require_writable
from mlops_assets.workspace.predictions.prediction_input import PredictionInput

FEATURES_SQL = "select row_id, size, size / wheels as share, kind from vehicles"


class Vehicles(pa.DataFrameModel):
    code: str = pa.Field(unique=True)
    size: float = pa.Field(gt=0)
    wheels: int = pa.Field(ge=0)
    kind: str = pa.Field(isin=["car", "van"], nullable=True)
    price: float

    @pa.dataframe_check
    def vans_have_wheels(cls, frame):  # noqa: N805
        return (frame["kind"] != "van") | (frame["wheels"] > 0)


class Features(pa.DataFrameModel):
    size: float = pa.Field(gt=0)


def vehicles(rows: int = 50) -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "code": [f"{place:03}" for place in range(rows)],
            "size": random.uniform(1, 9, rows).round(3),
            "wheels": random.integers(1, 7, rows),
            "kind": random.choice(["car", "van"], rows),
        }
    )


def fitted(table: str | None, columns: tuple[Column, ...]) -> TabularModel:
    rows = vehicles()
    features = rows[["size", "kind"]].assign(share=rows["size"] / rows["wheels"])[["size", "share", "kind"]]
    spec = ModelSpec(
        project="garage",
        task="regression",
        target="price",
        table=table,
        columns=columns,
        features=tuple(features.columns),
        classes=(),
        family="linear",
        params={"penalty": 1.0},
        rounds=None,
        seed=0,
    )
    target = (3 * rows["size"] + (rows["kind"] == "van")).to_numpy()
    settings = Settings(task="regression", classes=1, seed=0, threads=1)
    return TabularModel.fit(spec, FEATURES_SQL, features, target, default_pipeline, settings)


@pytest.fixture(scope="module")
def model() -> TabularModel:
    declared = Contract.of(Vehicles, subject="garage: table vehicles").columns
    return fitted("vehicles", tuple(column for column in declared if column.name != "price"))


@pytest.fixture
def predict(model, warehouse, tmp_path, monkeypatch):
    """Predict files of vehicles in batches of 16 rows."""
    monkeypatch.setattr(file_predictions, "BATCH_ROWS", 16)
    contract = Contract.of(Vehicles, subject="garage: table vehicles", key=["code"])
    contracts = raw_input_contracts(contract, model.spec, 1)
    given = PredictionInput(Ingestion("garage", "vehicles"), contracts.contract, None, ("code",))

    def run(data: Path | str, to: str = "scores.parquet", **options):
        settings = {"given": given, "model": model, **options}
        facts = {"model_version": "1"}
        return predict_files(str(data), tmp_path / to, warehouse=warehouse, facts=facts, **settings)

    return run


def write(folder: Path, rows: pd.DataFrame, suffix: str) -> Path:
    path = folder / f"rows{suffix}"
    match suffix:
        case ".parquet":
            rows.to_parquet(path)
        case ".jsonl":
            rows.to_json(path, orient="records", lines=True)
        case _:
            rows.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".jsonl", ".parquet"])
def test_every_format_gives_the_predictions_of_the_model_in_the_order_of_the_rows(
    predict, model, tmp_path, suffix
):
    rows = vehicles()
    result = predict(write(tmp_path, rows, suffix))
    assert (result.rows, result.predicted, result.rejected, result.rejected_to) == (50, 50, 0, None)
    expected = rows[["code"]].join(model.predict(rows))
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "scores.parquet"), expected)
    assert pq.read_schema(tmp_path / "scores.parquet").metadata[b"model_version"] == b"1"
    assert {path.name for path in tmp_path.iterdir()} - {"state", "warehouse"} == {
        f"rows{suffix}",
        "scores.parquet",
    }


@pytest.mark.parametrize("to", ["scores.csv", "scores.csv.gz"])
def test_csv_keeps_numbers_exactly_and_several_files_keep_their_names(predict, model, tmp_path, to):
    rows = vehicles(40)
    (tmp_path / "new").mkdir()
    write(tmp_path / "new", rows[:30], ".csv")
    rows[30:].to_csv(tmp_path / "new" / "a.csv", index=False)
    columns = ["_source_file", "_row", "size", "code"]
    assert predict(tmp_path / "new", to, columns=columns).predicted == 40
    found = pd.read_csv(tmp_path / to, dtype={"code": str}, float_precision="round_trip")
    assert found.columns.tolist() == [*columns, "prediction"]
    assert found["_source_file"].tolist() == ["a.csv"] * 10 + ["rows.csv"] * 30
    assert found["_row"].tolist() == [*range(1, 11), *range(1, 31)]
    found = found.sort_values("code", ignore_index=True)
    pd.testing.assert_frame_equal(found[["code", "size"]], rows[["code", "size"]])
    assert found["prediction"].tolist() == model.predict(rows)["prediction"].tolist()


def test_contributions_are_listed_beside_the_predictions_and_add_up(predict, tmp_path):
    vehicles().to_csv(tmp_path / "new.csv", index=False)
    predict(tmp_path / "new.csv", tmp_path / "scores.csv", contributions=3)
    found = pd.read_csv(tmp_path / "scores.csv")
    parts = ["contribution_base", *(f"contribution_{n}_value" for n in (1, 2, 3)), "contribution_rest"]
    assert found[parts].sum(axis=1).to_numpy() == pytest.approx(found["prediction"].to_numpy())
    assert set(found["contribution_1_feature"]) <= {"size", "share", "kind"}
    assert found["contribution_base"].nunique() == 1 or found["contribution_base"].std() < 1e-9


def test_rows_that_violate_the_contract_are_beside_it_with_all_their_rules(predict, model, tmp_path):
    rows = vehicles().astype(object)
    rows.loc[3, "size"] = "-1"
    rows.loc[20, ["size", "wheels"]] = ["big", None]
    rows.loc[21, ["kind", "wheels"]] = ["van", 0]
    rows.loc[22, ["kind", "wheels"]] = ["car", 0]  # satisfies the contract; size / 0 is infinite
    rows.loc[40, "kind"] = None
    result = predict(write(tmp_path, rows, ".csv"), "scores.csv")
    assert (result.rows, result.predicted, result.rejected) == (50, 46, 4)
    rejected = pd.read_csv(result.rejected_to, dtype=str)
    assert result.rejected_to == tmp_path / "scores.rejected.csv"
    assert rejected[["_source_file", "_row", "code", "size", "_broken_rules"]].values.tolist() == [
        ["rows.csv", "4", "003", "-1", "size: greater_than(0)"],
        ["rows.csv", "21", "020", "big", "size: dtype(float64); wheels: not_nullable"],
        ["rows.csv", "22", "021", str(rows["size"][21]), "vans_have_wheels"],
        ["rows.csv", "23", "022", str(rows["size"][22]), "model of garage: feature share is infinite"],
    ]
    assert result.rules["size: greater_than(0)"] == 1
    assert result.examples == {
        "size: greater_than(0)": "rows.csv, row 4: '-1'",
        "size: dtype(float64)": "rows.csv, row 21: 'big'",
        "wheels: not_nullable": "rows.csv, row 21",
        "vans_have_wheels": "rows.csv, row 22",
        "model of garage: feature share is infinite": "rows.csv, row 23",
    }
    valid = vehicles().drop([3, 20, 21, 22])
    valid.loc[40, "kind"] = None
    found = pd.read_csv(result.to, dtype={"code": str})
    assert found["code"].tolist() == valid["code"].tolist()
    np.testing.assert_allclose(found["prediction"], model.predict(valid)["prediction"], rtol=1e-15)


def test_a_query_that_fails_for_many_rows_is_an_error(predict, tmp_path, monkeypatch):
    monkeypatch.setattr(file_predictions, "BATCH_ROWS", 1_000)
    source = write(tmp_path, vehicles(300).assign(kind="car", wheels=0), ".csv")
    with pytest.raises(ProjectError, match="feature share is infinite"):
        predict(source)
    assert not (tmp_path / "scores.parquet").exists()


def test_rows_of_features_are_checked_by_the_contract_of_the_features(predict, tmp_path):
    columns = (Column("size", "DOUBLE"), Column("share", "DOUBLE"), Column("kind", "VARCHAR"))
    model = fitted(None, columns)
    given = PredictionInput(
        Ingestion("garage", "features"),
        contract_of_types(columns, subject="garage: features"),
        Contract.of(Features, subject="garage: features"),
        ("code",),
    )
    rows = vehicles().assign(share=0.5)
    changed = rows.astype({"share": object}).assign(size=rows["size"].where(rows.index != 7, -1))
    changed.loc[9, "share"] = "half"
    result = predict(write(tmp_path, changed, ".csv"), given=given, model=model)
    assert dict(result.rules) == {"size: greater_than(0)": 1, "share: dtype(float64)": 1}
    rejected = pd.read_parquet(result.rejected_to)
    assert [list(rules) for rules in rejected["_broken_rules"]] == [
        ["size: greater_than(0)"],
        ["share: dtype(float64)"],
    ]
    valid = rows.drop([7, 9])
    found = pd.read_parquet(result.to)
    assert found["code"].tolist() == valid["code"].tolist()
    assert found["prediction"].tolist() == model.predict(valid)["prediction"].tolist()


def test_results_are_replaced_on_request_only_and_stale_rejected_rows_are_removed(predict, tmp_path):
    rows = vehicles()
    source = write(tmp_path, rows.assign(size=rows["size"].where(rows.index > 0, -1)), ".csv")
    assert predict(source).rejected == 1
    before = (tmp_path / "scores.parquet").read_bytes()
    with pytest.raises(DataError, match=r"scores\.parquet exists"):
        require_writable(tmp_path / "scores.parquet", overwrite=False)
    with pytest.raises(DataError, match=r"scores\.rejected\.parquet exists"):
        predict(source)
    assert (tmp_path / "scores.parquet").read_bytes() == before
    write(tmp_path, rows, ".csv")
    assert predict(source, overwrite=True).predicted == 50
    assert len(pd.read_parquet(tmp_path / "scores.parquet")) == 50
    assert not (tmp_path / "scores.rejected.parquet").exists()
    with pytest.raises(DataError, match=r"rows\.csv is read as data"):
        predict(source, "rows.csv", overwrite=True)


def test_a_file_that_fails_after_its_first_rows_is_an_error_of_the_file(predict, tmp_path, monkeypatch):
    monkeypatch.setattr(file_predictions, "BATCH_ROWS", 2_048)
    path = write(tmp_path, vehicles(12_000), ".csv")
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([*lines, b""]) + b"\r\n".join([*lines[1:9], b""]))  # of another program
    with pytest.raises(DataError, match=r"line 12,?002 ends with CR LF, the lines before it with LF"):
        predict(path)
    assert not (tmp_path / "scores.parquet").exists()


def test_a_failure_leaves_the_old_result_and_nothing_else(predict, tmp_path):
    source = write(tmp_path, vehicles(), ".csv")
    predict(source)
    before = sorted(tmp_path.iterdir()), (tmp_path / "scores.parquet").read_bytes()

    def stop(rows: int) -> None:
        if rows > 16:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict(source, overwrite=True, on_rows=stop)
    assert (sorted(tmp_path.iterdir()), (tmp_path / "scores.parquet").read_bytes()) == before
    packed = tmp_path / "cut.csv.gz"
    packed.write_bytes(gzip.compress(source.read_bytes())[:-20])
    with pytest.raises(DataError, match=r"cut\.csv\.gz"):
        predict(packed, "new.csv")
    assert not (tmp_path / "new.csv").exists()


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (
            {"size": None},
            {},
            "the file lacks the column size; it has code, sizes, wheels, kind. Did you mean",
        ),
        ({}, {"columns": ["codes"]}, "the file has no column codes"),
        ({"prediction": 1}, {"columns": ["*"]}, "column prediction has the name of a column of predictions"),
        ({}, {"to": "scores.xlsx"}, "has an unknown format"),
    ],
)
def test_mistakes_are_errors_before_anything_is_written(predict, tmp_path, change, options, message):
    rows = vehicles().rename(columns={"size": "sizes"} if "size" in change else {})
    rows = rows.assign(**{name: value for name, value in change.items() if value is not None})
    with pytest.raises(DataError, match=message):
        predict(write(tmp_path, rows, ".csv"), **options)
    assert not list(tmp_path.glob("*scores*"))


def test_a_version_whose_input_columns_have_changed_is_an_error(model):
    class Changed(Vehicles):
        wheels: str

    with pytest.raises(ProjectError, match="version 3 was trained with wheels as BIGINT"):
        raw_input_contracts(Contract.of(Changed, subject="garage"), model.spec, 3)

    class Fewer(pa.DataFrameModel):
        size: float

    with pytest.raises(ProjectError, match="version 3 requires the column code"):
        raw_input_contracts(Contract.of(Fewer, subject="garage"), model.spec, 3)
