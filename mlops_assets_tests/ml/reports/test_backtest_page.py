"""The backtest: what its page says is true, and it can be opened anywhere by anyone."""

import json
import math
import re
from dataclasses import replace
from typing import Any

import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.ml.evaluation.backtest import Backtest, CutoffScore
from mlops_assets.ml.reports import prediction_plots
from mlops_assets.ml.reports.backtest_page import backtest_summary, render_backtest

NAN = math.nan


def scored(cutoff: str, score: float, baseline: float, **changes: Any) -> CutoffScore:
    plain = CutoffScore(
        cutoff=cutoff,
        tested_on="2024-10",
        trained_on="2024-01 to 2024-07",
        train_rows=14_200,
        test_rows=2_345,
        family="xgboost",
        score=score,
        low=score - 0.02,
        high=score + 0.02,
        baseline=baseline,
        baseline_name="linear baseline",
    )
    return replace(plain, **changes)


def backtest(*scores: CutoffScore, metric: Any = "roc_auc", **changes: Any) -> Backtest:
    return replace(Backtest("shop", "Who buys again.", metric, "EUR", scores), **changes)


THREE = (scored("2025-01", 0.8, 0.7), scored("2025-02", 0.69, 0.7), scored("2025-03", 0.84, 0.76))


@pytest.fixture(autouse=True)
def _coarse_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here looks at the pictures' dots, and drawing fewer halves the time."""
    monkeypatch.setattr(prediction_plots, "DOTS_PER_INCH", 40)


def cells(page: str) -> list[list[str]]:
    """Texts of the rows of the table of cut-offs; what is small comes after a bar."""
    body = re.search(r"<tbody>(.*?)</tbody>", page, re.DOTALL)
    assert body
    rows = re.findall(r"<tr>(.*?)</tr>", body[1].replace("<small>", "|").replace("</small>", ""), re.DOTALL)
    return [
        [text.strip() for text in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)] for row in rows
    ]


def test_means_shares_and_the_worst_cutoff():
    told = backtest(*THREE)
    assert told.mean == pytest.approx((0.8 + 0.69 + 0.84) / 3)
    assert told.mean_baseline == pytest.approx((0.7 + 0.7 + 0.76) / 3)
    assert told.beaten == 2
    assert told.share_beaten == pytest.approx(2 / 3)
    assert told.worst.cutoff == "2025-02"


def test_the_worst_error_is_the_largest():
    assert backtest(*THREE, metric="rmse").worst.cutoff == "2025-03"
    assert backtest(*THREE, metric="rmse").beaten == 1


def test_undefined_cutoffs_are_not_beaten_and_left_out_of_the_means():
    gone = scored("2025-04", NAN, 0.1), scored("2025-05", 0.99, NAN)
    told = backtest(gone[0], *THREE, gone[1])
    assert told.mean == pytest.approx(backtest(*THREE).mean)
    assert told.mean_baseline == pytest.approx(backtest(*THREE).mean_baseline)
    assert told.beaten == 2
    assert told.worst.cutoff == "2025-02"
    assert "Means leave out the cut-offs" in render_backtest(told)
    assert "Means leave out the cut-offs" not in render_backtest(backtest(*THREE))


def test_nothing_defined_has_no_mean():
    told = backtest(scored("2025-01", NAN, NAN), scored("2025-02", NAN, NAN))
    assert math.isnan(told.mean)
    assert told.worst.cutoff == "2025-01"
    assert "ROC AUC undefined on average over 2 cut-offs" in backtest_summary(told)
    assert render_backtest(told).rstrip().endswith("</html>")


def test_a_backtest_without_any_cutoff_is_refused():
    with pytest.raises(DataError, match="shop: a backtest without any cut-off\n  hint: choose cut-offs"):
        backtest()


def test_verdict_tells_the_mean_how_often_the_baseline_is_beaten_and_the_worst():
    assert backtest_summary(backtest(*THREE)) == (
        "ROC AUC 0.777 on average over 3 cut-offs, 2025-01 to 2025-03, against 0.720 of the best baselines: "
        "the model beats its baseline at 2 of the 3, and is worst at 2025-02 (0.690)."
    )


def test_verdict_of_an_error_names_its_unit_and_other_metrics_have_none():
    assert backtest_summary(backtest(*THREE, metric="rmse")).startswith("RMSE 0.777 (EUR) on average")
    assert "EUR" not in render_backtest(backtest(*THREE))


@pytest.mark.parametrize(
    ("scores", "heading", "sentence"),
    [
        (THREE[::2], "✓ Beats its baseline at every cut-off", "beats its baseline at all 2"),
        (THREE[:2], "≈ Beats its baseline at 1 of 2 cut-offs", "beats its baseline at 1 of the 2"),
        (
            THREE[1:2] * 2,
            "✗ Does not beat its baseline at any cut-off",
            "beats its baseline at NONE of the 2",
        ),
        (THREE[:1], "✓ Beats its baseline at the only cut-off", "the model beats its best baseline (0.700)."),
        (THREE[1:2], "✗ Does not beat its baseline at any", "does NOT beat its best baseline (0.700)."),
    ],
)
def test_heading_and_sentence_agree(scores: tuple[CutoffScore, ...], heading: str, sentence: str):
    page = render_backtest(backtest(*scores))
    assert heading in page
    assert sentence in page


def test_table_has_a_row_a_cutoff():
    close = scored("2025-04", 0.71, 0.7, family="linear", baseline_name="constant baseline")
    undefined = scored("2025-05", NAN, 0.7)
    rows = cells(render_backtest(backtest(THREE[1], close, undefined)))
    periods = ["2024-01 to 2024-07|14,200 rows", "2024-10|2,345 rows"]
    assert [row[:4] for row in rows] == [
        ["2025-02", *periods, "xgboost"],
        ["2025-04", *periods, "linear"],
        ["2025-05", *periods, "xgboost"],
    ]
    assert [row[4:] for row in rows] == [
        ["0.690|0.670 to 0.710", "0.700|linear baseline", "✗ 0.0100 worse|within the interval"],
        ["0.710|0.690 to 0.730", "0.700|constant baseline", "✓ 0.0100 better|within the interval"],
        ["undefined", "0.700|linear baseline", "✗ undefined"],
    ]


def test_the_better_of_model_and_baseline_is_bold():
    page = render_backtest(backtest(*THREE, scored("2025-04", NAN, 0.7)))
    bold = re.findall(r'<td class="n[^"]* best">([\d.]+)', page)
    assert bold == ["0.800", "0.700", "0.840"]


def test_an_equal_score_is_called_equal():
    assert cells(render_backtest(backtest(scored("2025-01", 0.7, 0.7))))[0][-1].startswith("✗ equal")


@pytest.mark.parametrize("scores", [THREE, THREE[:1]])
def test_page_loads_nothing_runs_nothing_and_escapes_names(scores: tuple[CutoffScore, ...]):
    evil = "<script>alert('1')</script> $\\frac{$ 特徴"
    odd = tuple(replace(each, cutoff=evil, family=evil, trained_on=evil) for each in scores)
    page = render_backtest(backtest(*odd, project=evil, description=evil, unit=evil, metric="rmse"))
    assert "<script" not in page
    assert page.count("<img") == 1
    assert '<img src="data:image/png;base64,' in page
    assert not re.search(r"https?://|@import|url\(|javascript:|<link|<iframe", page)
    assert page.startswith("<!doctype html>")


def test_same_scores_give_the_same_page():
    assert render_backtest(backtest(*THREE)) == render_backtest(backtest(*THREE))


def test_json_is_strict_and_says_what_the_page_says():
    told = backtest(*THREE, scored("2025-04", NAN, 0.7)).to_json()
    told = json.loads(json.dumps(told, allow_nan=False))
    assert told["project"] == "shop"
    assert told["share_beaten"] == 0.5
    assert told["worst"] == "2025-02"
    assert told["mean"] == pytest.approx(0.77667, abs=1e-5)
    assert [each["score"] for each in told["scores"]] == [0.8, 0.69, 0.84, None]
    assert told["scores"][0]["trained_on"] == "2024-01 to 2024-07"
