"""The default preprocessing: each column by its kind."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.core.errors import ProjectError
from mlops_assets.ml.features.preprocessing import default_pipeline, feature_frame, transform
from mlops_assets.ml.skops_files import estimator_digest
from mlops_assets.ml.transformers import TableEncoder

ROWS = 300


def table() -> tuple[pd.DataFrame, np.ndarray]:
    """Rows with a number, few and many categories, free text and a time; a tenth of each is missing."""
    random = np.random.default_rng(0)
    town = random.integers(0, 60, ROWS)
    frame = pd.DataFrame(
        {
            "size": random.normal(size=ROWS),
            "colour": random.choice(["red", "blue", "teal"], ROWS),
            "town": [f"town {number}" for number in town],
            "note": [
                f"text {place} {'good' if place % 3 else 'bad'} of {place * 7}" for place in range(ROWS)
            ],
            "at": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 9000, ROWS), unit="h"),
            "paid": random.choice([0.0, 1.0], ROWS),
        }
    )
    missing = random.random(frame.shape) < 0.1
    return feature_frame(frame.mask(missing)), town / 10 + (np.arange(ROWS) % 3 > 0)


def test_a_column_is_encoded_by_its_kind():
    frame, target = table()
    encoder = TableEncoder(topics=3).fit(frame, target)
    assert encoder.kinds_ == {
        "size": "number",
        "colour": "one_hot",
        "town": "target",
        "note": "text",
        "at": "date",
        "paid": "number",
    }
    assert encoder.get_feature_names_out().tolist() == [
        *("colour_blue", "colour_red", "colour_teal", "colour_nan", "town"),
        *("note_topic_1", "note_topic_2", "note_topic_3", "note_target"),
        *("at_day", "at_year_sin", "at_year_cos", "at_week_sin", "at_week_cos", "at_time_sin", "at_time_cos"),
        *("size", "paid"),
    ]
    assert encoder.transform(frame).shape == (ROWS, 18)


def test_no_row_sees_its_own_target():
    frame, target = table()
    changed = np.where(np.arange(ROWS) == 5, 1e6, target)
    before, after = (transform(default_pipeline(topics=2), frame, fit=y) for y in (target, changed))
    np.testing.assert_array_equal(before[5], after[5])
    assert not np.allclose(before, after, equal_nan=True)


def test_a_single_row_is_encoded_as_in_a_batch():
    frame, target = table()
    encoder = TableEncoder(topics=3).fit(frame, target)
    batch = encoder.transform(frame)
    single = np.vstack([encoder.transform(feature_frame(frame.iloc[[place]])) for place in range(20)])
    np.testing.assert_array_equal(single, batch[:20])


def test_a_row_with_unseen_or_missing_values_is_encoded():
    frame, target = table()
    encoder = TableEncoder(topics=3).fit(frame, target)
    unseen = pd.DataFrame(
        {"size": [None], "colour": ["pink"], "town": ["Ely"], "note": ["xyzzy"], "at": ["2031-02-03"]}
    ).assign(at=lambda rows: pd.to_datetime(rows["at"]), paid=None)
    row = dict(zip(encoder.get_feature_names_out(), encoder.transform(feature_frame(unseen))[0], strict=True))
    assert row["town"] == pytest.approx(target.mean())
    assert row["at_time_cos"] == 1
    assert sum(row[name] for name in row if name.startswith("colour")) == 0
    assert np.isnan(row["size"])
    missing = unseen.assign(colour=None, town=None, note=None, at=pd.NaT)
    nothing = encoder.transform(feature_frame(missing))[0]
    assert nothing.shape == (18,)
    assert np.isnan(nothing[5:]).all()


def test_a_second_fit_is_identical_and_a_file_keeps_it(survives):
    frame, target = table()
    first, second = (TableEncoder(random_state=0).fit(frame, target) for _ in range(2))
    assert estimator_digest(first) == estimator_digest(second)
    survives(first, frame)


def test_declared_encodings_come_first():
    frame, target = table()
    encode = {"size": "one_hot", "colour": "frequency", "town": "text", "at": "target", "paid": "target"}
    encoder = TableEncoder(encode=encode, topics=2).fit(frame, target)
    assert encoder.kinds_ == encode | {"note": "text"}
    matrix = encoder.transform(frame)
    assert np.isfinite(matrix[:, encoder.get_feature_names_out() == "paid"]).all()


def test_whole_numbers_of_a_regression_are_no_classes():
    frame, target = table()
    encoder = TableEncoder().fit(frame[["town"]], np.round(10 * target))
    assert encoder.get_feature_names_out().tolist() == ["town"]
    several = TableEncoder().fit(frame[["town"]], np.round(target).astype(int))
    assert len(several.get_feature_names_out()) == len(set(np.round(target)))


def test_many_columns_of_text_share_the_topics():
    frame = pd.DataFrame({f"note {n}": [f"{n} {place**2} text" for place in range(60)] for n in range(12)})
    encoder = TableEncoder().fit(frame, np.arange(60.0))
    assert encoder.transform(frame).shape == (60, 12 * (300 // 12 + 1))


@pytest.mark.parametrize(
    ("distinct", "rows", "kind"),
    [
        (50, 400, "one_hot"),
        (51, 400, "target"),
        (200, 400, "target"),
        (201, 400, "text"),
        (1001, 4000, "text"),
    ],
)
def test_the_number_of_values_decides(distinct: int, rows: int, kind: str):
    frame = pd.DataFrame({"x": [f"v{place % distinct}" for place in range(rows)]})
    assert TableEncoder(topics=1).fit(frame, np.arange(float(rows))).kinds_ == {"x": kind}


@pytest.mark.parametrize(
    ("encode", "message"),
    [
        ({"colours": "text"}, r"encode names 'colours', which is not a feature; did you mean colour\?"),
        ({"size": "text"}, r"encode has size: text, but the values of size are numbers"),
        ({"size": "date"}, r"encode has size: date, but the values of size are numbers"),
        ({"at": "text"}, r"encode has at: text, but the values of at are timestamps"),
    ],
)
def test_an_encoding_that_does_not_fit_is_an_error(encode: dict[str, str], message: str):
    frame, target = table()
    with pytest.raises(ProjectError, match=message):
        transform(TableEncoder(encode=encode), frame, fit=target)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.text(max_size=12)), min_size=2, max_size=30),
    st.sampled_from(["one_hot", "target", "frequency", "text"]),
)
def test_any_text_is_encoded_without_an_error(texts: list[str | None], encoding: str):
    frame = feature_frame(pd.DataFrame({"x": pd.Series(texts, dtype=object)}))
    encoder = TableEncoder(encode={"x": encoding}, topics=2)
    fitted = transform(encoder, frame, fit=np.arange(float(len(frame))))
    later = transform(encoder, frame)
    assert fitted.shape == later.shape == (len(frame), len(encoder.get_feature_names_out()))
    rows = np.vstack([transform(encoder, frame.iloc[[place]]) for place in range(len(frame))])
    np.testing.assert_array_equal(rows, later)
