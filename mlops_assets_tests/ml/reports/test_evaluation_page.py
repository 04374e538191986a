"""The evaluation report: what it says is true, and it can be opened anywhere by anyone."""

import re
import warnings
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from mlops_assets.ml.evaluation.behaviour_tests import BehaviourResult
from mlops_assets.ml.evaluation.error_map import error_map
from mlops_assets.ml.evaluation.evaluation import Evaluation, PeriodScore, TableQuality, score_all
from mlops_assets.ml.evaluation.fairness import Fairness, GroupMeasures
from mlops_assets.ml.evaluation.learning_curve import CurvePoint
from mlops_assets.ml.evaluation.partial_dependence import PartialDependence
from mlops_assets.ml.evaluation.slices import SliceScore, WeakestSlices
from mlops_assets.ml.model.costs import Speed
from mlops_assets.ml.reports.evaluation_page import evaluation_summary, metric_rows, render_report
from mlops_assets.ml.search.baselines import CONSTANT_BASELINE, LINEAR_BASELINE, MODEL
from mlops_assets.ml.search.leaderboard import LeaderboardEntry
from mlops_assets.ml.search.trials import TrialSummary

NAN = float("nan")


def trial(number: int, score: float, *, state: str = "complete", family: str = "linear") -> TrialSummary:
    return TrialSummary(number, family, {"alpha": 0.5}, score, state, 1.0)


def regression(rows: int = 400, **changes: Any) -> Evaluation:
    random = np.random.default_rng(7)
    truth = random.uniform(1e5, 5e5, rows)
    evaluation = Evaluation(
        project="california_housing",
        description="What a house costs.",
        task="regression",
        target="median_house_value",
        metric="rmse",
        unit="100,000 USD",
        unit_size=1e5,
        classes=[],
        family="gradient_boosting",
        params={"learning_rate": 0.05, "max_depth": 6},
        scores={
            MODEL: {"rmse": 0.431, "mae": 0.30, "r2": 0.81, "mape": 0.17},
            CONSTANT_BASELINE: {"rmse": 1.15, "mae": 0.91, "r2": 0.0, "mape": 0.62},
            LINEAR_BASELINE: {"rmse": 0.64, "mae": 0.28, "r2": 0.66, "mape": 0.31},
        },
        truth=truth,
        predictions=truth + random.normal(0, 4e4, rows),
        train_rows=16_512,
        features=["income", "age"],
        importances={"income": 0.4, "age": 0.1},
        trials=[trial(0, 0.9), trial(1, 0.5, state="pruned", family="forest"), trial(2, 0.45)],
        training_seconds=252.0,
        peak_memory_bytes=3 * 2**29,
        facts={"features table": "version 12", "digest": "sha256:abc"},
    )
    return replace(evaluation, **changes)


def classification(classes: int, *, rows: int = 600, lacking: bool = False, **changes: Any) -> Evaluation:
    random = np.random.default_rng(3)
    truth = random.integers(0, classes - lacking, rows)
    weights = random.random((rows, classes)) + 1.5 * np.eye(classes)[truth]
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    flat = np.full_like(probabilities, 1 / classes)
    task = "binary" if classes == 2 else "multiclass"
    predictions = {MODEL: probabilities, CONSTANT_BASELINE: flat}
    if task == "binary":
        predictions = {name: values[:, 1] for name, values in predictions.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = score_all(task, truth, predictions, classes=classes, unit_size=1.0)
    return regression(
        task=task,
        metric="log_loss",
        target="kind",
        unit="",
        unit_size=1.0,
        classes=[f"kind {index}" for index in range(classes)],
        scores=scores,
        truth=truth,
        predictions=predictions[MODEL],
        **changes,
    )


def with_model_score(metric: str, value: float) -> Evaluation:
    evaluation = regression(metric=metric)
    changed = evaluation.scores[MODEL] | {metric: value}
    return replace(evaluation, scores=evaluation.scores | {MODEL: changed})


def cells(page: str, table: str) -> list[list[str]]:
    """Texts of the rows of a table."""
    body = re.search(rf'id="{table}".*?<tbody>(.*?)</tbody>', page, re.DOTALL)
    assert body, f"the page has no table {table!r}"
    rows = re.findall(r"<tr>(.*?)</tr>", body[1], re.DOTALL)
    return [re.findall(r"<t[hd][^>]*>\s*(.*?)\s*</t[hd]>", row, re.DOTALL) for row in rows]


@pytest.fixture(scope="module")
def page() -> str:
    """The page of `regression()`."""
    return render_report(regression())


def test_verdict_says_by_how_much_the_best_baseline_is_beaten():
    assert evaluation_summary(regression()) == (
        "RMSE 0.431 (100,000 USD) on 400 holdout rows: "
        "33 % better than the best baseline (linear baseline, 0.640)."
    )


def test_verdict_says_that_the_best_baseline_is_not_beaten():
    assert evaluation_summary(with_model_score("rmse", 0.704)) == (
        "RMSE 0.704 (100,000 USD) on 400 holdout rows: "
        "it does NOT beat the best baseline (linear baseline, 0.640); it is 10 % worse."
    )


def test_verdict_of_a_score_that_grows_gives_the_plain_difference():
    assert evaluation_summary(regression(metric="r2")) == (
        "R² 0.810 on 400 holdout rows: 0.150 better than the best baseline (linear baseline, 0.660)."
    )


def test_verdict_of_a_tie_does_not_call_the_model_worse():
    assert evaluation_summary(with_model_score("rmse", 0.64)).endswith(
        "it does NOT beat the best baseline (linear baseline, 0.640)."
    )


def test_verdict_shows_enough_digits_to_tell_the_scores_apart():
    assert "RMSE 0.6399 (100,000 USD)" in evaluation_summary(with_model_score("rmse", 0.63994))
    assert "less than 0.1 % better" in evaluation_summary(with_model_score("rmse", 0.63994))


def test_verdict_of_an_undefined_metric_is_not_a_win():
    sentence = evaluation_summary(with_model_score("r2", float("nan")))
    assert sentence.startswith("R² undefined on 400 holdout rows: it does NOT beat the best baseline")


def test_verdict_gives_the_interval_beside_the_score():
    assert evaluation_summary(regression(intervals={MODEL: (0.4123, 0.4501)})).startswith(
        "RMSE 0.431 (100,000 USD; 95 % interval 0.412 to 0.450) on 400 holdout rows: 33 % better"
    )
    assert evaluation_summary(regression(metric="r2", intervals={MODEL: (0.795, 0.829)})).startswith(
        "R² 0.810 (95 % interval 0.795 to 0.829) on 400 holdout rows: 0.150 better"
    )
    assert "MAPE 17.0 % (95 % interval 16.0 % to 18.0 %) on" in evaluation_summary(
        regression(metric="mape", intervals={MODEL: (0.16, 0.18)})
    )


def test_verdict_without_a_defined_interval_gives_none():
    assert evaluation_summary(
        regression(intervals={MODEL: (float("nan"), float("nan"))})
    ) == evaluation_summary(regression())


def test_table_gives_the_intervals_of_the_metric_that_decides():
    intervals = {MODEL: (0.41, 0.45), LINEAR_BASELINE: (0.6, 0.68), CONSTANT_BASELINE: (float("nan"),) * 2}
    page = render_report(regression(intervals=intervals))
    assert cells(page, "metrics")[0][3:] == [
        "0.431<small>0.410 to 0.450</small>",
        "1.15",
        "0.640<small>0.600 to 0.680</small>",
    ]
    assert page.count("<small>") == 2
    assert "Small numbers are 95 % intervals" in page


def test_page_says_what_the_holdout_is_where_there_is_something_to_tell(page: str):
    told = render_report(regression(split="tested on 2025-03, trained on 2024-01 to 2024-12"))
    assert "The holdout: tested on 2025-03, trained on 2024-01 to 2024-12." in told
    assert "The holdout:" not in page
    assert "Small numbers" not in page


@pytest.mark.parametrize(("score", "heading"), [(0.431, "✓ Beats"), (0.7, "✗ Does not beat")])
def test_page_shows_the_verdict_under_a_heading_that_agrees(score: float, heading: str):
    evaluation = with_model_score("rmse", score)
    page = render_report(evaluation)
    assert f"{heading} the baselines" in page
    assert page.count("the baselines</strong>") == 1
    assert evaluation_summary(evaluation) in page


def test_best_value_of_each_row_is_bold_whoever_has_it(page: str):
    bold = re.findall(r'<td class="n[^"]* best">(.*?)</td>', page.partition("</table>")[0])
    assert bold == ["0.431", "0.280", "0.810", "17.0 %"]


def test_equal_best_values_are_both_bold_and_an_undefined_one_never_is():
    evaluation = with_model_score("mae", 0.28)
    evaluation.scores[CONSTANT_BASELINE]["mae"] = float("nan")
    mae = next(row for row in metric_rows(evaluation) if row["label"] == "MAE")
    assert mae["cells"] == [("0.280", True), ("undefined", False), ("0.280", True)]


def test_metrics_in_the_targets_units_name_the_unit_and_others_do_not(page: str):
    labels = [row[0] for row in cells(page, "metrics")]
    assert [label.partition("<")[0] for label in labels] == [
        "RMSE (100,000 USD)",
        "MAE (100,000 USD)",
        "R²",
        "MAPE",
    ]


def test_undefined_metrics_are_called_undefined():
    page = render_report(classification(5, lacking=True))
    assert cells(page, "metrics")[0][0] == "ROC AUC"
    assert cells(page, "metrics")[0][3:] == ["undefined", "undefined"]


EVIL = "<script>alert('1')</script> & \"x\" $\\frac{$ \n 特徴"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("classes", [2, 4, 12])
def test_names_of_any_characters_are_escaped(classes: int):
    evaluation = classification(
        classes,
        project=EVIL,
        description=EVIL,
        family=EVIL,
        features=[EVIL],
        importances={EVIL: 1.0, "_hidden": 0.5},
        params={EVIL: EVIL},
        facts={EVIL: EVIL},
        trials=[TrialSummary(0, EVIL, {EVIL: EVIL}, 0.5, "complete", 1.0)],
    )
    page = render_report(replace(evaluation, target=EVIL, unit=EVIL, classes=[EVIL, *evaluation.classes[1:]]))
    assert "<script" not in page
    assert "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &#34;x&#34;" in page


class Loads(HTMLParser):
    """Notes what a page would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.pictures = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "link", "iframe", "object", "embed", "base", "form"}:
            self.found.append(tag)
        for name, value in attrs:
            if name in {"src", "href", "srcset", "data", "action", "poster"} or name.startswith("on"):
                if name == "src" and (value or "").startswith("data:image/png;base64,"):
                    self.pictures += 1
                else:
                    self.found.append(f"{tag} {name}")


@pytest.mark.parametrize(
    ("evaluation", "pictures"),
    [(regression(), 5), (classification(2), 5), (classification(4), 4)],
    ids=["regression", "binary", "multiclass"],
)
def test_page_loads_nothing_and_runs_nothing(evaluation: Evaluation, pictures: int):
    page = render_report(evaluation)
    loads = Loads()
    loads.feed(page)
    assert loads.found == []
    assert loads.pictures == pictures
    assert not re.search(r"https?://|@import|url\(|javascript:", page)


def test_same_evaluation_gives_the_same_page():
    assert render_report(regression()) == render_report(regression())


def test_binary_confusion_matrix_shows_shares_of_the_true_class():
    evaluation = classification(2, trials=[], importances={})
    truth, predictions = np.array([0] * 8 + [1] * 2), np.array([0.1] * 6 + [0.9] * 2 + [0.9, 0.2])
    page = render_report(replace(evaluation, truth=truth, predictions=predictions))
    assert cells(page, "confusion") == [
        ["kind 0", "75.0 %<small>6</small>", "25.0 %<small>2</small>"],
        ["kind 1", "50.0 %<small>1</small>", "50.0 %<small>1</small>"],
    ]


def test_most_frequent_mistakes_come_first():
    evaluation = classification(3, trials=[], importances={})
    truth, chosen = np.array([0, 0, 0, 1, 1, 2]), np.array([2, 2, 0, 1, 0, 2])
    page = render_report(replace(evaluation, truth=truth, predictions=np.eye(3)[chosen]))
    assert cells(page, "mistakes") == [
        ["kind 0", "kind 2", "2", "66.7 %"],
        ["kind 1", "kind 0", "1", "50.0 %"],
    ]


def test_matrix_of_thirty_classes_numbers_its_columns_and_marks_a_class_without_rows():
    rows = cells(render_report(classification(30, lacking=True, trials=[], importances={})), "confusion")
    assert len(rows) == 30
    assert all(len(row) == 31 for row in rows)
    assert rows[29] == ["30 kind 29", *["\N{EN DASH}"] * 30]


def test_matrix_of_more_classes_than_fit_is_left_out():
    evaluation = classification(60, trials=[], importances={})
    page = render_report(replace(evaluation, predictions=np.roll(evaluation.predictions, 1, axis=1)))
    assert 'id="confusion"' not in page
    assert 'id="mistakes"' in page


def test_ten_best_complete_trials_are_listed_best_first():
    trials = [trial(index, 2.0 - index / 10) for index in range(14)]
    trials += [trial(14, 0.01, state="pruned"), trial(15, float("nan"))]
    assert [row[0] for row in cells(render_report(regression(trials=trials)), "trials")] == [
        str(index) for index in range(13, 3, -1)
    ]
    higher = cells(render_report(regression(trials=trials, metric="r2")), "trials")
    assert [row[0] for row in higher] == [str(index) for index in range(10)]


def test_facts_are_all_shown_with_rows_time_and_memory(page: str):
    facts = dict(re.findall(r'<tr><th>(.*?)</th><td class="mono">(.*?)</td></tr>', page))
    assert facts == {
        "features table": "version 12",
        "digest": "sha256:abc",
        "training rows": "16,512",
        "holdout rows": "400",
        "training time": "4 min 12 s",
        "peak memory of the training process": "1.50 GiB",
    }


def test_caption_gives_error_quantiles_in_the_reported_unit():
    truth = np.zeros(11)
    page = render_report(regression(truth=truth, predictions=np.arange(11) * 1e5))
    assert "at most 5.00, nine tenths by at most 9.00 (100,000 USD)" in page


def examined() -> Evaluation:
    """A regression of which everything is known."""
    slices = [
        SliceScore("region", "north", 200, 0.5, 0.4, 0.6, 1.4, 0.001),
        SliceScore("region", "south", 20, NAN, NAN, NAN, 0.7, NAN),
    ]
    groups = [
        GroupMeasures("north", 200, {"mean error": 0.1}, {"mean error": (0.05, 0.15)}, True),
        GroupMeasures("south", 20, {"mean error": -0.1}, {}, False),
    ]
    return regression(
        shap={"income": 0.3, "age + place": 0.1},
        dependences=[PartialDependence("income", [1.0, 2.0], [1.0, 3.0], [0.5, 2.0], [1.5, 4.0], 400)],
        dependence_of="prediction (100,000 USD)",
        slices=slices,
        slice_loss="squared error",
        weakest=WeakestSlices([replace(slices[0], column="age", value="1 to 9")], 500, 5, 200, 200),
        fairness=[Fairness("region", groups, [], {})],
        periods=[PeriodScore(str(year), "holdout", 200, 0.4, 0.3, 0.5) for year in (1990, 1991)],
        error_map=error_map(np.linspace(50, 51, 400), np.linspace(8, 9, 400), np.linspace(-1, 1, 400)),
        learning_curve=[
            CurvePoint(200, 0.5, 0.4, 0.6),
            CurvePoint(400, 0.4, 0.3, 0.5, (-0.2, -0.05)),
        ],
        leaderboard=[
            LeaderboardEntry(MODEL, "xgboost", NAN, 0.431, NAN, 1.5, 1e5, 2**20),
            LeaderboardEntry("champion, version 3", "linear", NAN, 0.44, note="on 90 rows new to both"),
            LeaderboardEntry("ensemble", "ensemble", 0.43, fit_seconds=12.0),
        ],
        served=Speed(8.0, 1e4),
        behaviour=[
            BehaviourResult("direction_income", "direction", "error", False, "more <b>", "it falls", 400, 0.2)
        ],
        quality=[TableQuality("districts", 990, 10, [("income: greater_than(0)", 9)])],
        intended_use="To show & tell.",
        limits=["Of 1990."],
    )


def test_everything_that_is_known_is_on_the_page():
    page = render_report(examined())
    assert cells(page, "behaviour") == [
        [
            "direction income",
            "✗ fails<small>an error</small>",
            "More &lt;b&gt;.<small>It falls.</small>",
            "400",
        ]
    ]
    assert "1 of 1 tests fail." in page
    assert cells(page, "slices") == [
        ["region", "north", "200", "▼ 0.500<small>0.400 to 0.600</small>", "1.4", "0.001"],
        ["region", "south", "20", "–", "–", "–"],
    ]
    assert cells(page, "weakest")[0][:3] == ["age", "1 to 9", "200"]
    assert cells(page, "fairness-region") == [
        ["north", "200", "0.100<small>0.0500 to 0.150</small>"],
        ['south<small class="soft"> too few to compare</small>', "20", "-0.100"],
    ]
    assert cells(page, "leaderboard") == [
        ["model", "xgboost", "0.431", "–", "–", "1.50 ms", "100,000", "1.00 MiB"],
        ['champion, version 3<small class="soft">on 90 rows new to both</small>', "linear", "0.440"]
        + ["–"] * 5,
        ["ensemble", "ensemble", "–", "0.430", "12.0 s", "–", "–", "–"],
    ]
    assert cells(page, "quality") == [
        ["districts", "990", "10<small>1.0 %</small>", "income: greater_than(0) (9)"]
    ]
    for told in ("To show &amp; tell.", "<li>Of 1990.</li>", "more rows would probably help"):
        assert told in page, told
    loads = Loads()
    loads.feed(page)
    assert (loads.found, loads.pictures) == ([], 11)


def test_every_picture_has_a_sentence_that_its_numbers_make():
    page = render_report(examined())
    figures = re.findall(r"<figure.*?</figure>", page, re.DOTALL)
    said = [re.findall(r'<b class="finding">(.{20,}?)</b>', figure, re.DOTALL) for figure in figures]
    assert [len(sentences) for sentences in said] == [1] * 11
    changed = replace(examined(), predictions=examined().predictions + 1e5)
    assert said[0][0] not in render_report(changed)


def test_what_is_not_known_leaves_no_trace(page: str):
    for absent in ("Behavioural tests", "Where it is weaker", "Groups compared", "Beside other models"):
        assert absent not in page
    assert "Intended use" not in page
    assert "SHAP values are not shown: a model of the family gradient_boosting" in page


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "evaluation",
    [
        examined(),
        replace(examined(), periods=[PeriodScore("a", "trained", 9, NAN, NAN, NAN)] * 2),
        replace(classification(2), threshold=0.3),
        regression(predictions=np.full(400, 2e5)),
        regression(truth=np.full(400, 2e5), predictions=np.full(400, 2e5)),
        regression(rows=5_000),
        regression(rows=1),
        regression(trials=[trial(0, 0.5)]),
        regression(trials=[trial(0, 0.5, state="pruned")]),
        regression(trials=[trial(0, float("nan")), trial(1, float("inf"))]),
        regression(trials=[], importances={}, params={}, facts={}),
        regression(trials=[trial(index, 0.5, family=f"family {index}") for index in range(12)]),
        regression(importances={f"feature_{'long' * 40}_{index}": float(index) for index in range(200)}),
        regression(importances={"only": float("nan")}, training_seconds=float("nan"), peak_memory_bytes=0),
        classification(2, rows=3),
        replace(classification(2), predictions=np.full(600, 0.2)),
        replace(classification(2), truth=np.zeros(600, dtype=int)),
        replace(classification(4), predictions=np.full((600, 4), 0.25)),
        classification(7, lacking=True),
    ],
)
def test_unusual_evaluations_still_make_a_page(evaluation: Evaluation):
    assert render_report(evaluation).rstrip().endswith("</html>")
