"""Random steps of a pipeline: two fits give one model, whatever the global random state."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, QuantileTransformer, SplineTransformer, TargetEncoder
from sklearn.random_projection import GaussianRandomProjection

from mlops_assets.core.errors import ProjectError
from mlops_assets.ml.features.preprocessing import transform
from mlops_assets.ml.features.seeding import global_seed, seed_steps
from mlops_assets.ml.search.training_data import TrainingData, check_pipeline
from mlops_assets.ml.skops_files import dump_estimator, estimator_digest, load_estimator

NUMBERS, TEXTS = ["a", "b", "c", "d"], ["kind", "place"]


class Jitter(TransformerMixin, BaseEstimator):
    """A step that adds noise of the global random state, or of a generator that nothing seeds."""

    def __init__(self, unseeded: bool = False) -> None:
        self.unseeded = unseeded

    def fit(self, frame: pd.DataFrame, target: NDArray | None = None) -> "Jitter":
        self.noise_ = np.random.default_rng().normal() if self.unseeded else np.random.normal()
        self.shift_ = random.random()
        return self

    def transform(self, frame: pd.DataFrame) -> NDArray:
        return frame.to_numpy() + self.noise_ + self.shift_


def encoder(**settings: object) -> BaseEstimator:
    return make_column_transformer((TargetEncoder(**settings), TEXTS), remainder="drop")


def numeric(step: BaseEstimator) -> BaseEstimator:
    return make_column_transformer((step, NUMBERS), remainder="drop")


PIPELINES: dict[str, Callable[[], BaseEstimator]] = {
    "target encoder": encoder,
    "target encoder of four folds": lambda: encoder(cv=4),
    "target encoder with a splitter": lambda: encoder(cv=KFold(3, shuffle=True)),
    "splines": lambda: numeric(SplineTransformer(knots="quantile")),
    "bins of a sample": lambda: numeric(KBinsDiscretizer(encode="ordinal", subsample=50)),
    "quantiles of a sample": lambda: numeric(QuantileTransformer(n_quantiles=20, subsample=50)),
    "randomized PCA": lambda: numeric(PCA(2, svd_solver="randomized", iterated_power=0)),
    "random projection": lambda: numeric(GaussianRandomProjection(3)),
    "global random state": lambda: numeric(Jitter()),
    "nested": lambda: make_column_transformer(
        (make_pipeline(TargetEncoder(), QuantileTransformer(n_quantiles=20, subsample=50)), TEXTS),
        (
            FeatureUnion(
                [
                    (
                        "pca",
                        make_pipeline(SimpleImputer(), PCA(2, svd_solver="randomized", iterated_power=0)),
                    ),
                    ("bins", KBinsDiscretizer(encode="ordinal", subsample=50)),
                ]
            ),
            NUMBERS,
        ),
    ),
    "workers": lambda: make_column_transformer(
        (TargetEncoder(), ["kind"]), (TargetEncoder(), ["place"]), n_jobs=2
    ),
}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    numbers = pd.DataFrame(rng.normal(size=(400, 4)), columns=NUMBERS)
    return numbers.assign(
        kind=rng.choice(["car", "van", "boat"], 400).astype(object),
        place=rng.choice(["north", "south"], 400).astype(object),
    )


@pytest.fixture(scope="module")
def target() -> NDArray:
    return np.random.default_rng(1).normal(size=400)


@pytest.mark.parametrize("name", PIPELINES)
def test_two_fits_give_equal_matrices_and_pipelines(name, frame, target, tmp_path: Path):
    fits = []
    for other_state in (1, 2):
        np.random.seed(other_state)
        random.seed(other_state)
        pipeline = PIPELINES[name]()
        fitted = transform(pipeline, frame, fit=target, seed=7)
        fits.append((fitted, transform(pipeline, frame), estimator_digest(pipeline)))
    (first, first_later, first_digest), (second, second_later, second_digest) = fits
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first_later, second_later)
    assert first_digest == second_digest
    if name not in ("global random state", "splines"):  # skops files can't contain these
        dump_estimator(pipeline, tmp_path / "pipeline.skops")
        loaded = load_estimator(tmp_path / "pipeline.skops")
        np.testing.assert_array_equal(transform(loaded, frame), first_later)


@pytest.mark.parametrize("name", sorted(PIPELINES.keys() - {"splines", "workers"}))
def test_another_seed_gives_another_fit(name, frame, target):
    first, second = (transform(PIPELINES[name](), frame, fit=target, seed=seed) for seed in (7, 8))
    assert not np.array_equal(first, second)


def test_a_declared_seed_stays(frame, target):
    pipeline = numeric(QuantileTransformer(n_quantiles=20, subsample=50, random_state=3))
    transform(pipeline, frame, fit=target, seed=7)
    assert pipeline.get_params()["quantiletransformer__random_state"] == 3
    seeded = encoder(cv=KFold(3, shuffle=True, random_state=3))
    transform(seeded, frame, fit=target, seed=7)
    assert seeded.get_params()["targetencoder__cv"].random_state == 3


@pytest.mark.parametrize(
    ("values", "folds"),
    [([0.5, 1.25, 2.75], KFold), ([0, 1, 0], StratifiedKFold), ([0, 1, 2], StratifiedKFold)],
)
def test_the_folds_of_a_target_encoder_are_of_the_kind_that_scikit_learn_chooses(values, folds):
    pipeline = TargetEncoder(cv=4)
    seed_steps(pipeline, 7, np.asarray(values))
    assert type(pipeline.cv) is folds
    assert (pipeline.cv.n_splits, pipeline.cv.random_state) == (4, 7)


def test_the_global_random_states_are_restored():
    np.random.seed(5)
    random.seed(5)
    expected = np.random.random(), random.random()
    np.random.seed(5)
    random.seed(5)
    with global_seed(1):
        np.random.random()
        random.random()
    assert (np.random.random(), random.random()) == expected


def test_a_step_that_nothing_seeds_is_refused(frame, target):
    train = TrainingData(np.arange(400), frame, target, None)
    with pytest.raises(ProjectError, match="two fits on the same rows give different matrices"):
        check_pipeline(lambda: numeric(Jitter(unseeded=True)), train, seed=7)
