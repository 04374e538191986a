"""Monotone constraints of fitted models: each family and the ensemble hold them, and violations are found."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mlops_assets.ml.evaluation.monotone_check import verify_monotone
from mlops_assets.ml.families import FAMILIES, Settings
from mlops_assets.ml.features.preprocessing import default_pipeline
from mlops_assets.ml.metrics.tasks import Task
from mlops_assets.ml.model.calibration import Calibration
from mlops_assets.ml.model.ensemble import ENSEMBLE, Member
from mlops_assets.ml.model.tabular_model import ModelSpec, TabularModel
from mlops_assets_tests.support.families import TRIED_FAMILIES

ROWS = 400
SIGNS = {"income": 1, "age": -1}


def features() -> pd.DataFrame:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(ROWS, 2)), columns=list(SIGNS))
    frame.loc[::9, "income"] = np.nan
    return frame.assign(kind=random.choice(["car", "van"], ROWS).astype(object))


def fitted(task: Task, family: str, monotone: dict[str, int]) -> TabularModel:
    """A model of a target that violates both constraints."""
    frame = features()
    income = frame["income"].fillna(0)
    target = (np.sin(3 * income) + np.cos(2 * frame["age"]) + frame["age"]).to_numpy()
    kinds = [family] if family != ENSEMBLE else TRIED_FAMILIES
    members = tuple(Member(kind, FAMILIES[kind].defaults(), 30, 1 / len(kinds)) for kind in kinds)
    if task == "binary":
        target = (target > 0).astype(int)
    spec = ModelSpec(
        *("garage", task, "price", None, (), (*SIGNS, "kind"), (0, 1) if task == "binary" else (), family),
        {} if family == ENSEMBLE else FAMILIES[family].defaults(),
        30,
        0,
        members=members if family == ENSEMBLE else (),
        monotone=tuple(monotone.items()),
    )
    settings = Settings(task, 2 if task == "binary" else 1, seed=0, threads=1)
    return TabularModel.fit(spec, "", frame, target, default_pipeline, settings)


@pytest.mark.parametrize("task", ["regression", "binary"])
@pytest.mark.parametrize("family", [*TRIED_FAMILIES, ENSEMBLE])
def test_every_family_and_the_ensemble_hold_the_constraints_in_their_structure(task: Task, family: str):
    model = fitted(task, family, SIGNS)
    found = verify_monotone(model, features(), features(), seed=0)
    assert [(each.feature, each.direction) for each in found] == [
        ("income", "increasing"),
        ("age", "decreasing"),
    ]
    assert all(each.holds and each.in_structure and each.columns == 1 for each in found)
    assert found[0].rows == 200


def test_violations_are_counted_and_their_size_is_given():
    model = fitted("regression", "xgboost", {})
    found = verify_monotone(model, features(), features(), seed=0, monotone=SIGNS)
    assert not any(each.holds or each.in_structure for each in found)
    assert found[0].violations == 200
    assert found[0].largest > 0.05


def test_a_calibration_that_falls_breaks_a_constraint():
    model = fitted("binary", "linear", SIGNS)
    rising = replace(model, spec=replace(model.spec, calibration=Calibration("isotonic", (0, 1), (0.1, 0.9))))
    assert all(
        each.in_structure and each.holds for each in verify_monotone(rising, features(), features(), seed=0)
    )
    falling = replace(model, spec=replace(model.spec, calibration=Calibration("sigmoid", (-1.0,), (0.0,))))
    found = verify_monotone(falling, features(), features(), seed=0)
    assert not any(each.in_structure for each in found)
    assert any(not each.holds for each in found)
