"""The page of the evaluation report follows from the evaluation and is self-contained."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from mlops_assets.ml.evaluation.evaluation import Evaluation, PeriodScore
from mlops_assets.ml.reports.evaluation_page import evaluation_summary, metric_rows, render_report
from mlops_assets.ml.search.baselines import CONSTANT_BASELINE, LINEAR_BASELINE, MODEL
from mlops_assets.ml.search.trials import TrialSummary
from mlops_assets_tests.support.evaluations import (
    NAN,
    classification,
    full_evaluation,
    regression,
    trial,
    with_model_score,
)


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


def test_the_summary_has_the_difference_from_the_best_baseline_and_the_message_of_the_gate():
    assert evaluation_summary(regression()) == (
        "RMSE 0.431 (100,000 USD) on 400 holdout rows, "
        "33 % better than the best baseline (linear baseline, 0.640). Comparison with the baselines: "
        "rmse 0.431, best baseline 0.64; 95 % CI of the difference -0.229 to -0.189: significant improvement."
    )


def test_the_summary_states_that_the_best_baseline_is_not_reached():
    worse = with_model_score("rmse", 0.704)
    assert evaluation_summary(worse).startswith(
        "RMSE 0.704 (100,000 USD) on 400 holdout rows, "
        "10 % worse than the best baseline (linear baseline, 0.640). Comparison with the baselines: "
        "rmse 0.704, best baseline 0.64; 95 % CI of the difference 0.044 to 0.084: not shown to be "
        "non-inferior within"
    )


def test_the_summary_of_a_score_has_the_absolute_difference():
    assert evaluation_summary(regression(metric="r2")).startswith(
        "R² 0.810 on 400 holdout rows, 0.150 better than the best baseline (linear baseline, 0.660)."
    )


def test_the_summary_of_a_tie_does_not_call_the_model_worse():
    assert evaluation_summary(with_model_score("rmse", 0.64)).startswith(
        "RMSE 0.640 (100,000 USD) on 400 holdout rows; the best baseline (linear baseline, 0.640)."
    )


def test_the_summary_has_enough_digits_to_distinguish_the_scores():
    assert "RMSE 0.6399 (100,000 USD)" in evaluation_summary(with_model_score("rmse", 0.63994))
    assert "less than 0.1 % better" in evaluation_summary(with_model_score("rmse", 0.63994))


def test_the_summary_of_an_undefined_metric_has_no_difference():
    sentence = evaluation_summary(with_model_score("r2", float("nan")))
    assert sentence.startswith(
        "R² undefined on 400 holdout rows; the best baseline (linear baseline, 0.660)."
    )


def test_the_summary_has_the_confidence_interval_of_the_score():
    assert evaluation_summary(regression(intervals={MODEL: (0.4123, 0.4501)})).startswith(
        "RMSE 0.431 (100,000 USD; 95 % CI 0.412 to 0.450) on 400 holdout rows, 33 % better"
    )
    assert evaluation_summary(regression(metric="r2", intervals={MODEL: (0.795, 0.829)})).startswith(
        "R² 0.810 (95 % CI 0.795 to 0.829) on 400 holdout rows, 0.150 better"
    )
    assert "MAPE 17.0 % (95 % CI 16.0 % to 18.0 %) on" in evaluation_summary(
        regression(metric="mape", intervals={MODEL: (0.16, 0.18)})
    )


@pytest.mark.parametrize(
    ("clusters", "text"),
    [
        (np.arange(400) // 10, "95 % CI 0.412 to 0.450; by 40 clusters of district)"),
        (np.arange(400) // 50, "by 8 clusters of district, too few for a reliable interval)"),
        (np.arange(400), "95 % CI 0.412 to 0.450)"),
        (None, "95 % CI 0.412 to 0.450)"),
    ],
)
def test_the_summary_names_the_clusters_and_whether_they_are_too_few(clusters, text):
    evaluation = regression(intervals={MODEL: (0.412, 0.45)}, clusters=clusters, cluster_columns=["district"])
    assert text in evaluation_summary(evaluation)


def test_the_summary_leaves_out_an_undefined_interval():
    assert evaluation_summary(
        regression(intervals={MODEL: (float("nan"), float("nan"))})
    ) == evaluation_summary(regression())


def test_the_table_has_the_confidence_intervals_of_the_primary_metric():
    intervals = {MODEL: (0.41, 0.45), LINEAR_BASELINE: (0.6, 0.68), CONSTANT_BASELINE: (float("nan"),) * 2}
    page = render_report(regression(intervals=intervals))
    assert cells(page, "metrics")[0][3:] == [
        "0.431<small>0.410 to 0.450</small>",
        "1.15",
        "0.640<small>0.600 to 0.680</small>",
    ]
    assert page.count("<small>") == 2
    assert "Small numbers are 95 % confidence intervals" in page


def test_the_page_describes_the_holdout_of_a_project_with_periods(page: str):
    with_split = render_report(regression(split="tested on 2025-03, trained on 2024-01 to 2024-12"))
    assert "Holdout: tested on 2025-03, trained on 2024-01 to 2024-12." in with_split
    assert "Holdout:" not in page
    assert "Small numbers" not in page


@pytest.mark.parametrize(
    ("score", "headline", "passed"),
    [
        (0.431, "✓ Significantly better than the baselines", True),
        (0.637, "✓ Non-inferior to the best baseline", True),
        (0.7, "✗ Fails the comparison with the baselines", False),
    ],
)
def test_the_headline_the_summary_and_the_gate_agree(score: float, headline: str, passed: bool):
    evaluation = with_model_score("rmse", score)
    assert evaluation.baseline_gate is not None
    assert evaluation.baseline_gate.passed is evaluation.beats_baseline is passed
    page = render_report(evaluation)
    assert f"<strong>{headline}</strong>" in page
    assert evaluation_summary(evaluation) in page
    assert evaluation.baseline_gate.message in evaluation_summary(evaluation)


def test_a_near_perfect_score_is_no_success_without_a_warning():
    evaluation = with_model_score("r2", 0.9998)
    page = render_report(evaluation)
    assert "<strong>⚠ Possible target leakage</strong>" in page
    assert '<p class="summary bad">' in page
    assert "Possible target leakage: R² is 0.9998. The score depends on" in evaluation_summary(evaluation)


def test_the_best_value_of_each_row_is_bold(page: str):
    bold = re.findall(r'<td class="n[^"]* best">(.*?)</td>', page.partition("</table>")[0])
    assert bold == ["0.431", "0.280", "0.810", "17.0 %"]


def test_equal_best_values_are_all_bold_and_undefined_ones_are_not():
    evaluation = with_model_score("mae", 0.28)
    evaluation.scores[CONSTANT_BASELINE]["mae"] = float("nan")
    mae = next(row for row in metric_rows(evaluation) if row["label"] == "MAE")
    assert mae["cells"] == [("0.280", True), ("undefined", False), ("0.280", True)]


def test_only_metrics_in_units_of_the_target_have_the_unit(page: str):
    labels = [row[0] for row in cells(page, "metrics")]
    assert [label.partition("<")[0] for label in labels] == [
        "RMSE (100,000 USD)",
        "MAE (100,000 USD)",
        "R²",
        "MAPE",
    ]


def test_undefined_metrics_are_shown_as_undefined():
    page = render_report(classification(5, absent_class=True))
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
    """Collects everything that a page would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.images = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "link", "iframe", "object", "embed", "base", "form"}:
            self.found.append(tag)
        for name, value in attrs:
            if name in {"src", "href", "srcset", "data", "action", "poster"} or name.startswith("on"):
                if name == "src" and (value or "").startswith("data:image/png;base64,"):
                    self.images += 1
                else:
                    self.found.append(f"{tag} {name}")


@pytest.mark.parametrize(
    ("evaluation", "images"),
    [(regression(), 5), (classification(2), 5), (classification(4), 4)],
    ids=["regression", "binary", "multiclass"],
)
def test_the_page_loads_and_runs_nothing(evaluation: Evaluation, images: int):
    page = render_report(evaluation)
    loads = Loads()
    loads.feed(page)
    assert loads.found == []
    assert loads.images == images
    assert not re.search(r"https?://|@import|url\(|javascript:", page)


def test_equal_evaluations_have_equal_pages():
    assert render_report(regression()) == render_report(regression())


def test_binary_confusion_matrix_shows_shares_of_the_true_class():
    evaluation = classification(2, trials=[], importances={})
    truth, predictions = np.array([0] * 8 + [1] * 2), np.array([0.1] * 6 + [0.9] * 2 + [0.9, 0.2])
    page = render_report(replace(evaluation, truth=truth, predictions=predictions))
    assert cells(page, "confusion") == [
        ["kind 0", "75.0 %<small>6</small>", "25.0 %<small>2</small>"],
        ["kind 1", "50.0 %<small>1</small>", "50.0 %<small>1</small>"],
    ]


def test_the_most_frequent_errors_are_first():
    evaluation = classification(3, trials=[], importances={})
    truth, chosen = np.array([0, 0, 0, 1, 1, 2]), np.array([2, 2, 0, 1, 0, 2])
    page = render_report(replace(evaluation, truth=truth, predictions=np.eye(3)[chosen]))
    assert cells(page, "frequent-errors") == [
        ["kind 0", "kind 2", "2", "66.7 %"],
        ["kind 1", "kind 0", "1", "50.0 %"],
    ]


def test_a_matrix_of_thirty_classes_has_numbered_columns_and_marks_a_class_without_rows():
    rows = cells(render_report(classification(30, absent_class=True, trials=[], importances={})), "confusion")
    assert len(rows) == 30
    assert all(len(row) == 31 for row in rows)
    assert rows[29] == ["30 kind 29", *["\N{EN DASH}"] * 30]


def test_a_matrix_of_too_many_classes_is_left_out():
    evaluation = classification(60, trials=[], importances={})
    page = render_report(replace(evaluation, predictions=np.roll(evaluation.predictions, 1, axis=1)))
    assert 'id="confusion"' not in page
    assert 'id="frequent-errors"' in page


def test_the_ten_best_complete_trials_are_listed_best_first():
    trials = [trial(index, 2.0 - index / 10) for index in range(14)]
    trials += [trial(14, 0.01, state="pruned"), trial(15, float("nan"))]
    assert [row[0] for row in cells(render_report(regression(trials=trials)), "trials")] == [
        str(index) for index in range(13, 3, -1)
    ]
    higher = cells(render_report(regression(trials=trials, metric="r2")), "trials")
    assert [row[0] for row in higher] == [str(index) for index in range(10)]


def test_the_provenance_has_all_facts_with_rows_time_and_memory(page: str):
    facts = dict(re.findall(r'<tr><th>(.*?)</th><td class="mono">(.*?)</td></tr>', page))
    assert facts == {
        "features table": "version 12",
        "digest": "sha256:abc",
        "training rows": "16,512",
        "holdout rows": "400",
        "training time": "4 min 12 s",
        "peak memory of the training process": "1.50 GiB",
    }


def test_every_optional_analysis_is_on_the_page():
    page = render_report(full_evaluation())
    assert cells(page, "behaviour") == [
        [
            "direction income",
            "✗ failed<small>severity error</small>",
            "More &lt;b&gt;.<small>It falls.</small>",
            "400",
        ]
    ]
    assert "1 of 1 tests failed." in page
    assert cells(page, "slices") == [
        ["region", "north", "200", "▼ 0.500<small>0.400 to 0.600</small>", "1.4", "0.001"],
        ["region", "south", "20", "–", "–", "–"],
    ]
    assert cells(page, "weakest")[0][:3] == ["age", "1 to 9", "200"]
    assert cells(page, "fairness-region") == [
        ["north", "200", "0.100<small>0.0500 to 0.150</small>"],
        ['south<small class="soft"> too few rows to compare</small>', "20", "-0.100"],
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
    for text in ("To show &amp; tell.", "<li>Of 1990.</li>", "more rows would probably help"):
        assert text in page, text
    loads = Loads()
    loads.feed(page)
    assert (loads.found, loads.images) == ([], 11)


def test_every_figure_has_a_caption_that_depends_on_its_numbers():
    page = render_report(full_evaluation())
    figures = re.findall(r"<figure.*?</figure>", page, re.DOTALL)
    findings = [re.findall(r'<b class="finding">(.{20,}?)</b>', figure, re.DOTALL) for figure in figures]
    assert [len(sentences) for sentences in findings] == [1] * 11
    changed = replace(full_evaluation(), predictions=full_evaluation().predictions + 1e5)
    assert findings[0][0] not in render_report(changed)


def test_analyses_that_were_not_run_are_not_on_the_page(page: str):
    for absent in ("Behavioural tests", "Slices", "Fairness", "Model comparison"):
        assert absent not in page
    assert "Intended use" not in page
    assert "SHAP values" not in page


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "evaluation",
    [
        full_evaluation(),
        replace(full_evaluation(), periods=[PeriodScore("a", "train", 9, NAN, NAN, NAN)] * 2),
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
        classification(7, absent_class=True),
    ],
)
def test_edge_cases_are_rendered_without_warnings(evaluation: Evaluation):
    assert render_report(evaluation).rstrip().endswith("</html>")
