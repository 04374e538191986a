"""Topics of free text, and its cross-fitted prediction of the target."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from mlops_assets.ml.skops_files import estimator_digest
from mlops_assets.ml.transformers import TextEncoder

WORDS = ["river", "stone", "cloud", "tree", "engine", "paper", "garden", "window", "silver", "winter"]


def notes(rows: int = 200) -> tuple[pd.DataFrame, np.ndarray]:
    """Notes of three random words, one of them missing, and a target that is the number of engines."""
    random = np.random.default_rng(0)
    words = random.choice(WORDS, (rows, 3))
    frame = pd.DataFrame({"note": [" ".join(row) for row in words]}, dtype=object)
    frame.loc[3, "note"] = np.nan
    return frame, (words == "engine").sum(axis=1).astype(float)


def test_the_target_is_predicted_from_parts_of_words():
    frame, target = notes()
    encoder = TextEncoder(topics=5, random_state=0).fit(frame, target)
    rows = pd.DataFrame({"note": ["engines", "Engine stone", "stone river", "xyzzy", "", None]})
    predicted = encoder.transform(rows)[:, -1]
    assert min(predicted[:2]) > 1 > 0.5 > predicted[2]
    assert predicted[3] == predicted[4] == pytest.approx(encoder.intercepts_[0][-1])
    assert encoder.transform(rows)[3:5, :5].any() == np.False_
    assert np.isnan(encoder.transform(rows)[5]).all()


def test_no_row_sees_its_own_target():
    frame, target = notes()
    changed = np.where(np.arange(len(target)) == 7, 1e6, target)
    before, after = (TextEncoder(topics=3, random_state=0).fit_transform(frame, y) for y in (target, changed))
    np.testing.assert_array_equal(before[7], after[7])
    assert not np.allclose(before[:, -1], after[:, -1], equal_nan=True)
    np.testing.assert_array_equal(before[:, :3], after[:, :3])


def test_random_targets_stay_random_in_the_training_rows():
    frame = pd.DataFrame({"note": [f"unique {place:x} text {place**3}" for place in range(400)]})
    target = np.random.default_rng(1).integers(0, 2, 400)
    encoded = TextEncoder(topics=2, random_state=0).fit_transform(frame, target)
    assert roc_auc_score(target, encoded[:, -1]) < 0.6
    again = TextEncoder(topics=2, random_state=0).fit(frame, target).transform(frame)
    assert roc_auc_score(target, again[:, -1]) > 0.9  # what the cross-fitting prevents


def test_several_classes_have_a_column_each():
    frame, target = notes()
    encoder = TextEncoder(topics=2).fit(frame, np.minimum(target, 2).astype(int))
    assert encoder.get_feature_names_out(["note"])[2:].tolist() == [
        "note_target_0",
        "note_target_1",
        "note_target_2",
    ]
    np.testing.assert_allclose(encoder.transform(frame)[:3, 2:].sum(axis=1), 1, atol=0.02)


def test_a_second_fit_is_identical_with_any_number_of_threads():
    frame, target = notes()
    digests = set()
    for threads in (1, 2):
        with threadpool_limits(threads):
            digests.add(estimator_digest(TextEncoder(random_state=0).fit(frame, target)))
    assert len(digests) == 1
    assert estimator_digest(TextEncoder(random_state=1).fit(frame, target)) not in digests


def test_it_is_the_same_after_saving_and_loading(survives):
    frame, target = notes()
    encoder = TextEncoder(topics=4, random_state=0).fit(frame, target)
    survives(encoder, frame)
    rows = [encoder.transform(frame.iloc[[place]])[0] for place in range(20)]
    np.testing.assert_array_equal(rows, encoder.transform(frame)[:20])


def test_topics_and_prediction_are_fitted_from_a_limited_number_of_rows():
    frame, target = notes()
    encoder = TextEncoder(topics=3, rows=50, random_state=0)
    columns = encoder.fit_transform(frame, target)
    assert columns.shape == (200, 4)
    assert np.corrcoef(np.delete(columns[:, -1], 3), np.delete(target, 3))[0, 1] > 0.5


@pytest.mark.parametrize("texts", [["same"] * 6, [None] * 6, ["a", None, None, None, None, None]])
def test_text_without_information_has_no_topics(texts: list[str | None]):
    frame, target = pd.DataFrame({"note": texts}, dtype=object), np.arange(6.0)
    encoder = TextEncoder(random_state=0)
    assert encoder.fit_transform(frame, target).shape == (6, 1)
    assert encoder.get_feature_names_out(["note"]).tolist() == ["note_target"]
    assert encoder.transform(pd.DataFrame({"note": ["new"]})).shape == (1, 1)
