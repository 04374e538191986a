"""Every family: fits are reproducible, and saved models predict the same."""

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.samplers import RandomSampler

from mlops_assets.ml.families import FAMILIES, FitRows, Settings
from mlops_assets.ml.families.xgboost import FEW_BINS, FEW_PREDICTED, FEW_ROWS, _booster_params, bin_count
from mlops_assets_tests.support.families import TRIED_FAMILIES

TASKS = ("regression", "binary", "multiclass")
Problem = Callable[..., Any]


def matrix_of(problem: Problem, task: str) -> tuple[np.ndarray, np.ndarray, Settings]:
    features, target, settings = problem(task)
    return features[["size", "weight"]].to_numpy(), target, settings


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", TRIED_FAMILIES)
def test_a_fit_is_the_same_on_one_thread_and_on_two(problem: Problem, name: str, task: str):
    matrix, target, one = matrix_of(problem, task)
    family = FAMILIES[name]
    digests = {
        family.fit(FitRows(matrix, target), family.defaults(), 3, settings).digest()
        for settings in (one, one, dataclasses.replace(one, threads=2))
    }
    assert len(digests) == 1


@pytest.mark.parametrize("name", TRIED_FAMILIES)
def test_different_fits_have_different_digests(problem: Problem, name: str):
    matrix, target, settings = matrix_of(problem, "regression")
    family = FAMILIES[name]
    fitted = family.fit(FitRows(matrix, target), family.defaults(), 12, settings)
    changed = target.copy()
    changed[0] += 1.0
    assert fitted.digest() != family.fit(FitRows(matrix, changed), family.defaults(), 12, settings).digest()


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", TRIED_FAMILIES)
def test_a_saved_model_predicts_the_same_and_has_the_same_digest(
    problem: Problem, name: str, task: str, tmp_path: Path
):
    matrix, target, settings = matrix_of(problem, task)
    family = FAMILIES[name]
    fitted = family.fit(FitRows(matrix, target), family.defaults(), 12, settings)
    fitted.save(tmp_path)
    loaded = family.load(tmp_path)
    np.testing.assert_array_equal(loaded.predict(matrix), fitted.predict(matrix))
    assert loaded.digest() == fitted.digest()


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", TRIED_FAMILIES)
def test_predictions_have_the_shape_of_the_task_and_are_good(problem: Problem, name: str, task: str):
    matrix, target, settings = matrix_of(problem, task)
    family = FAMILIES[name]
    predictions = family.fit(FitRows(matrix, target), family.defaults(), 60, settings).predict(matrix)
    assert predictions.dtype == float
    if task == "multiclass":
        assert predictions.shape == (len(matrix), 3)
        np.testing.assert_allclose(predictions.sum(axis=1), 1, atol=1e-6)
        assert (predictions.argmax(axis=1) == target).mean() > 0.6
    else:
        assert predictions.shape == (len(matrix),)
        assert np.corrcoef(predictions, target)[0, 1] > 0.7
    if task == "binary":
        assert 0 <= predictions.min() < predictions.max() <= 1


def test_few_rows_are_predicted_by_one_thread(problem: Problem, monkeypatch: pytest.MonkeyPatch):
    matrix, target, settings = matrix_of(problem, "regression")
    family = FAMILIES["xgboost"]
    fitted = family.fit(
        FitRows(matrix, target), family.defaults(), 20, dataclasses.replace(settings, threads=2)
    )
    everyone = fitted.predict(matrix)
    assert "on_one_thread" not in vars(fitted), "a copy of the trees that batches do not need"
    config = json.loads(fitted.on_one_thread.save_config())
    monkeypatch.setattr(fitted.booster, "inplace_predict", None)
    few = [fitted.predict(matrix[start : start + FEW_PREDICTED]) for start in range(0, 240, FEW_PREDICTED)]
    np.testing.assert_array_equal(np.concatenate(few), everyone)
    assert config["learner"]["generic_param"]["nthread"] == "1"


@pytest.mark.parametrize("name", TRIED_FAMILIES)
def test_columns_without_information_change_no_prediction(problem: Problem, name: str):
    matrix, target, settings = matrix_of(problem, "regression")
    nothing = np.column_stack([np.full(len(matrix), np.nan), np.full(len(matrix), 3.0)])
    family = FAMILIES[name]
    params = family.defaults() | ({"max_features": 1.0} if "max_features" in family.defaults() else {})
    fitted = family.fit(FitRows(np.hstack([matrix, nothing]), target), params, 5, settings)
    said = fitted.predict(np.hstack([matrix, nothing]))
    assert np.isfinite(said).all()
    np.testing.assert_array_equal(fitted.predict(np.hstack([matrix, nothing * 7 + 1])), said)
    half = len(matrix) // 2
    sides = [(np.hstack([matrix, nothing])[part], target[part]) for part in (slice(half), slice(half, None))]
    assert np.isfinite(family.prepare(FitRows(*sides[0]), FitRows(*sides[1]), settings).fit(params)[0]).all()


@pytest.mark.parametrize("name", TRIED_FAMILIES)
def test_a_prepared_fold_predicts_its_validation_rows(problem: Problem, name: str):
    matrix, target, settings = matrix_of(problem, "regression")
    family = FAMILIES[name]
    prepared = family.prepare(
        FitRows(matrix[:160], target[:160]), FitRows(matrix[160:], target[160:]), settings
    )
    predictions, rounds = prepared.fit(family.defaults())
    again, _ = prepared.fit(family.defaults())
    assert predictions.shape == (80,)
    np.testing.assert_array_equal(predictions, again)
    assert (
        rounds is None
        if name in ("linear", "extra_trees", "random_forest")
        else 1 <= rounds <= settings.max_rounds
    )


def test_boosting_stops_before_it_gets_worse(problem: Problem):
    matrix, target, settings = matrix_of(problem, "regression")
    noise = np.random.default_rng(1).permutation(target)
    prepared = FAMILIES["xgboost"].prepare(
        FitRows(matrix[:160], noise[:160]), FitRows(matrix[160:], target[160:]), settings
    )
    _, rounds = prepared.fit(FAMILIES["xgboost"].defaults() | {"eta": 1.0})
    assert rounds < settings.max_rounds


@pytest.mark.parametrize("name", TRIED_FAMILIES)
def test_a_family_searches_its_default_parameters_under_its_name(name: str):
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    family = FAMILIES[name]
    for known in [family.defaults(), *family.portfolio()]:
        study.enqueue_trial({f"{name}_{parameter}": value for parameter, value in known.items()})
        trial = study.ask()
        assert family.suggest(trial) == known
        assert all(space._contains(trial.params[place]) for place, space in trial.distributions.items())
        assert all(parameter.startswith(f"{name}_") for parameter in trial.params)


def test_columns_of_few_rows_have_few_bins():
    matrix = np.random.default_rng(0).normal(size=(1_000, 1))
    settings = Settings("regression", 1, seed=0, threads=1)
    rows = FitRows(matrix, np.sin(9 * matrix[:, 0]))
    family = FAMILIES["xgboost"]
    fitted = family.fit(rows, family.defaults(), 60, settings)
    splits = fitted.booster.trees_to_dataframe()["Split"]
    assert 32 < splits.nunique() < FEW_BINS
    assert [bin_count(count) for count in (FEW_ROWS, FEW_ROWS + 1)] == [64, 256]
    assert [bin_count(*shape) for shape in ((2_000, 400), (1_999, 400), (500, 250))] == [64, 32, 64]


def test_the_device_reaches_xgboost():
    settings = Settings("regression", 1, seed=0, threads=2, device="cuda")
    found = _booster_params(FAMILIES["xgboost"].defaults(), settings, None, 64)
    assert (found["device"], found["nthread"], found["tree_method"]) == ("cuda", 2, "hist")


def test_the_registry_knows_names_without_importing_libraries():
    code = "import sys; from mlops_assets.ml.families import FAMILY_NAMES; print(*FAMILY_NAMES, *sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert found[: len(FAMILIES)] == list(FAMILIES)
    assert not {"numpy", "sklearn", "xgboost", "optuna"} & set(found[len(FAMILIES) :])


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", TRIED_FAMILIES)
def test_a_prediction_does_not_depend_on_the_other_rows_of_the_batch(problem: Problem, name: str, task: str):
    matrix, target, settings = matrix_of(problem, task)
    wide = np.hstack(
        [matrix, np.sin(np.outer(matrix[:, 0], np.arange(1, 15)))]
    )  # BLAS differs from 8 columns
    predictor = FAMILIES[name].fit(FitRows(wide, target), FAMILIES[name].defaults(), 5, settings)
    together = predictor.predict(wide)
    for size in (1, 2, 3, 5):
        parts = [predictor.predict(wide[start : start + size]) for start in range(0, 60, size)]
        np.testing.assert_array_equal(np.concatenate(parts)[:60], together[:60])


@pytest.mark.parametrize("task", TASKS)
def test_a_linear_model_predicts_what_scikit_learn_does(problem: Problem, task: str):
    matrix, target, settings = matrix_of(problem, task)
    fitted = FAMILIES["linear"].fit(FitRows(matrix, target), {"penalty": 1.0}, None, settings)
    expected = (
        fitted.pipeline.predict(matrix) if task == "regression" else fitted.pipeline.predict_proba(matrix)
    )
    np.testing.assert_allclose(
        fitted.predict(matrix), expected[:, 1] if task == "binary" else expected, rtol=1e-12
    )
