"""Outputs of the model under test are in the reported unit, or probabilities of a class."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mlops_assets.ml.evaluation.model_under_test import ModelUnderTest

ROWS = pd.DataFrame({"size": [1.0, 3.0]})


def model(task, predictions, classes=()) -> ModelUnderTest:
    return ModelUnderTest(
        task=task,
        classes=classes,
        unit="thousands",
        unit_size=1_000.0,
        score=lambda rows: np.array(predictions),
        predict_class=lambda rows: [],
    )


def test_outputs_of_a_regression_are_in_the_reported_unit():
    assert model("regression", [500.0, 2_000.0]).outputs(ROWS).tolist() == [0.5, 2.0]


@pytest.mark.parametrize(("of_class", "outputs"), [(None, [0.2, 0.7]), (1, [0.2, 0.7]), (0, [0.8, 0.3])])
def test_outputs_of_a_binary_model_are_the_probability_of_a_class(of_class, outputs):
    assert model("binary", [0.2, 0.7], (0, 1)).outputs(ROWS, of_class) == pytest.approx(outputs)


def test_outputs_of_more_classes_are_all_probabilities_or_those_of_one_class():
    probabilities = [[0.2, 0.3, 0.5], [0.1, 0.8, 0.1]]
    three = model("multiclass", probabilities, ("a", "b", "c"))
    assert three.outputs(ROWS).tolist() == probabilities
    assert three.outputs(ROWS, "b").tolist() == [0.3, 0.8]


def test_declared_values_keep_their_digits_and_measured_ones_are_rounded():
    regression = model("regression", [])
    assert regression.format_declared(0.12345) == "0.12345 (thousands)"
    assert regression.format_measured(0.12345) == "0.123 (thousands)"
    assert replace(regression, task="binary").format_declared(0.5) == "0.5"
