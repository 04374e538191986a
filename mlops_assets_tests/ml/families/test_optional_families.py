"""LightGBM and CatBoost: the same predictions as the libraries', and what they refuse or print."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mlops_assets.core.errors import ModelError
from mlops_assets.ml.evaluation.monotone_structure import holds_in_structure
from mlops_assets.ml.families import FAMILIES, FitRows, Settings, extras
from mlops_assets.ml.families.extras import EXTRA_FAMILIES, require_extras
from mlops_assets.ml.families.xgboost_conversion import booster_of, finite, leaf, require_equal
from mlops_assets.ml.scoring.compiled.estimators import compile_estimator
from mlops_assets_tests.support.families import TRIED_FAMILIES

ROWS = 300
OPTIONAL = [name for name in EXTRA_FAMILIES if name in TRIED_FAMILIES]
each_family = pytest.mark.parametrize("name", OPTIONAL)
CLASSES = {"regression": 1, "binary": 2, "multiclass": 3}


@pytest.fixture(scope="module")
def matrix() -> np.ndarray:
    """Numbers with gaps, infinite ones, and a column of few values."""
    random = np.random.default_rng(0)
    values = random.normal(size=(ROWS, 4))
    values[:, 3] = random.integers(0, 6, ROWS) / 7
    values[random.random((ROWS, 4)) < 0.1] = np.nan
    values[:5, 0] = [np.inf, -np.inf, 1e39, -1e39, 1e-40]
    return values


@pytest.fixture(scope="module")
def value(matrix: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(1).normal(scale=0.3, size=ROWS)
    return np.clip(np.nan_to_num(matrix[:, 0]), -3, 3) + 2 * np.nan_to_num(matrix[:, 3]) + noise


def target_of(value: np.ndarray, task: str) -> np.ndarray:
    return value if task == "regression" else np.digitize(value, [-0.5, 1.0][: CLASSES[task] - 1])


def settings_of(task: str, **more: object) -> Settings:
    return Settings(task, CLASSES[task], seed=0, threads=1, max_rounds=40, **more)


@each_family
@pytest.mark.parametrize("task", CLASSES)
def test_all_parameters_of_the_portfolio_predict_alike_in_folds_and_from_the_artifact(
    matrix: np.ndarray, value: np.ndarray, name: str, task: str
):
    family, settings = FAMILIES[name], settings_of(task)
    rows = FitRows(matrix, target_of(value, task), np.random.default_rng(2).uniform(0.5, 2, ROWS))
    for params in family.portfolio():
        theirs, rounds = family.prepare(rows, rows, settings).fit(params)
        ours = family.fit(rows, params, rounds, settings).predict(finite(matrix))
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-6)


@each_family
@pytest.mark.parametrize("task", CLASSES)
def test_contributions_are_finite_and_add_up(matrix: np.ndarray, value: np.ndarray, name: str, task: str):
    family = FAMILIES[name]
    fitted = family.fit(
        FitRows(matrix, target_of(value, task)), family.portfolio()[-1], 40, settings_of(task)
    )
    sums = fitted._contributions(matrix).sum(axis=-1)
    margins = fitted.booster.inplace_predict(matrix, predict_type="margin")
    np.testing.assert_allclose(sums, margins, atol=1e-4)
    assert np.isfinite(sums).all()


@each_family
def test_a_missing_value_in_a_column_without_any_is_read_as_its_library_does(name: str):
    random = np.random.default_rng(0)
    matrix = random.uniform(1, 5, (ROWS, 2)) * [1, -1]
    rows, family = FitRows(matrix, matrix[:, 0] + matrix[:, 1] ** 2), FAMILIES[name]
    fitted = family.fit(rows, family.defaults(), 40, settings_of("regression"))
    missing, read = np.array([[np.nan, -3.0], [3.0, np.nan]]), 0.0 if name == "lightgbm" else -9.0
    instead = np.where(np.isnan(missing), read, missing)
    np.testing.assert_array_equal(fitted.predict(missing), fitted.predict(instead))


@each_family
@pytest.mark.parametrize("task", ["regression", "binary"])
def test_few_rows_of_a_service_have_the_same_bits(
    matrix: np.ndarray, value: np.ndarray, name: str, task: str
):
    family = FAMILIES[name]
    fitted = family.fit(FitRows(matrix, target_of(value, task)), family.defaults(), 40, settings_of(task))
    compiled, expected = compile_estimator(fitted), fitted.predict(matrix)
    found = [compiled(matrix[at : at + 3]) for at in range(0, 60, 3)]
    np.testing.assert_array_equal(np.concatenate(found), expected[:60])


@each_family
def test_a_quantile_is_predicted_for_its_share_of_the_rows(matrix: np.ndarray, value: np.ndarray, name: str):
    family, settings = FAMILIES[name], settings_of("regression", quantile=0.8)
    fitted = family.fit(FitRows(matrix, value), family.defaults(), 40, settings)
    assert np.mean(value <= fitted.predict(matrix)) == pytest.approx(0.8, abs=0.06)


@each_family
def test_two_constraints_hold_in_the_structure_and_are_missed_without(
    matrix: np.ndarray, value: np.ndarray, name: str
):
    family, settings = FAMILIES[name], settings_of("regression")
    columns, wavy = {0: 1, 3: -1}, np.sin(3 * value)
    for directions, holds in (((1, 0, 0, -1), True), (None, False)):
        fitted = family.fit(FitRows(matrix, wavy, None, directions), family.defaults(), 40, settings)
        assert holds_in_structure(fitted, columns) == holds


@each_family
@pytest.mark.parametrize(
    ("task", "constant", "expected"), [("regression", 2.5, 2.5), ("binary", 0, 0.0), ("multiclass", 1, 1.0)]
)
def test_a_constant_target_is_predicted(
    matrix: np.ndarray, name: str, task: str, constant: float, expected: float
):
    family, settings, target = FAMILIES[name], settings_of(task), np.full(ROWS, constant)
    rows = FitRows(matrix, target if task == "regression" else target.astype(int))
    for predicted in (
        family.prepare(rows, rows, settings).fit(family.defaults())[0],
        family.fit(rows, family.defaults(), 5, settings).predict(matrix),
    ):
        found = predicted[:, 1] if task == "multiclass" else predicted
        np.testing.assert_allclose(found, expected, atol=1e-4)


@each_family
def test_columns_of_one_value_predict_the_best_constant(name: str):
    family, target, weights = FAMILIES[name], np.arange(60.0), np.repeat([1.0, 3.0], 30)
    matrix = np.column_stack([np.ones(60), np.full(60, np.nan)])
    mean = family.fit(FitRows(matrix, target, weights), family.defaults(), 9, settings_of("regression"))
    assert mean.predict(matrix[:1])[0] == pytest.approx(np.average(target, weights=weights), rel=1e-5)
    quantile = settings_of("regression", quantile=0.5)
    rows = FitRows(matrix, target)
    median = family.fit(rows, family.defaults(), 9, quantile).predict(matrix[:1])[0]
    assert median == pytest.approx(29.5, abs=1)


@each_family
def test_a_class_without_training_rows_is_never_likely(matrix: np.ndarray, value: np.ndarray, name: str):
    family, settings = FAMILIES[name], settings_of("multiclass")
    rows = FitRows(matrix, np.where(value > 0, 2, 0))
    every = FitRows(matrix, target_of(value, "multiclass"))
    for predicted in (
        family.prepare(rows, every, settings).fit(family.defaults())[0],
        family.fit(rows, family.defaults(), 20, settings).predict(matrix),
    ):
        assert predicted.shape == (ROWS, 3)
        assert predicted[:, 1].max() < 1e-6
        assert ((predicted[:, 2] > 0.5) == (value > 0)).mean() > 0.8


@each_family
def test_a_fit_writes_no_files_and_says_nothing(
    matrix: np.ndarray,
    value: np.ndarray,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    family, settings, rows = FAMILIES[name], settings_of("regression"), FitRows(matrix, value)
    family.prepare(rows, rows, settings).fit(family.defaults())
    family.fit(rows, family.defaults(), 5, settings)
    few = FitRows(matrix[:6], value[:6])
    family.fit(few, family.defaults(), 5, settings)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_models_are_loaded_and_predict_where_their_libraries_are_not_installed(
    matrix: np.ndarray, value: np.ndarray, tmp_path: Path
):
    row, expected = np.zeros((1, 4)), []
    for name in OPTIONAL:
        family = FAMILIES[name]
        fitted = family.fit(FitRows(matrix, value), family.defaults(), 5, settings_of("regression"))
        (tmp_path / name).mkdir()
        fitted.save(tmp_path / name)
        expected.append(fitted.predict(row)[0])
    code = (
        "import sys, json, numpy as np; from pathlib import Path\n"
        f"sys.modules |= dict.fromkeys({OPTIONAL})  # an import would fail\n"
        "from mlops_assets.ml.families import FAMILIES\n"
        f"loaded = [FAMILIES[name].load(Path({str(tmp_path)!r}) / name) for name in {OPTIONAL}]\n"
        "print(json.dumps([each.predict(np.zeros((1, 4)))[0] for each in loaded]))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(found) == expected


def test_a_family_that_is_not_installed_is_an_error_with_its_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "catboost" else object())
    with pytest.raises(ModelError, match="lists catboost, which is not installed") as caught:
        require_extras(["xgboost", "catboost", "linear"])
    assert "pip install 'mlops-assets[catboost]'" in (caught.value.hint or "")


def test_a_missing_library_of_the_system_is_an_error(monkeypatch: pytest.MonkeyPatch):
    def fail(name: str) -> None:
        raise OSError(f"{name}: libgomp.so.1: cannot open shared object file")

    monkeypatch.setattr(extras, "find_spec", lambda _: object())
    monkeypatch.setattr(extras, "import_module", fail)
    require_extras(["xgboost", "linear"])
    with pytest.raises(ModelError, match=r"lightgbm, which can't be imported: .*libgomp"):
        require_extras(["lightgbm"])


def test_trees_that_predict_otherwise_than_their_library_are_refused():
    booster = booster_of([leaf(0.25), leaf(0.5)], columns=1, objective="reg:squarederror", outputs=1)
    rows = np.zeros((600, 1), dtype=np.float32)
    require_equal(booster, [0, 0], lambda few: np.tile([0.25, 0.5], (len(few), 1)), rows)
    above = 0.5 + 2.0**-23  # the last bit of the sum
    with pytest.raises(ModelError, match="trees could not be converted: 300 of 300"):
        require_equal(booster, [0, 0], lambda few: np.tile([0.25, above], (len(few), 1)), rows)
