"""The page of a backtest: its table and texts follow from the scores, and it is self-contained."""

import re
from dataclasses import replace

import pytest

from mlops_assets.ml.evaluation.backtest import CutoffScore
from mlops_assets.ml.reports.backtest_page import backtest_summary, render_backtest
from mlops_assets_tests.support.backtests import NAN, THREE, backtest, scored


def cells(page: str) -> list[list[str]]:
    """Texts of the rows of the table of cut-offs; what is small comes after a bar."""
    body = re.search(r"<tbody>(.*?)</tbody>", page, re.DOTALL)
    assert body
    rows = re.findall(r"<tr>(.*?)</tr>", body[1].replace("<small>", "|").replace("</small>", ""), re.DOTALL)
    return [
        [text.strip() for text in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)] for row in rows
    ]


def test_the_page_counts_and_lists_the_cutoffs():
    page = render_backtest(backtest(*THREE))
    assert "<dt>Cut-offs</dt><dd>3</dd>" in page
    assert "<th>Cut-off</th><th>Trained on</th><th>Tested on</th><th>Model</th>" in page


def test_the_page_states_that_undefined_cutoffs_are_left_out_of_the_means():
    undefined = backtest(scored("2025-04", NAN, 0.1), *THREE)
    assert "The means leave out cut-offs" in render_backtest(undefined)
    assert "The means leave out cut-offs" not in render_backtest(backtest(*THREE))


def test_a_backtest_without_a_defined_score_is_rendered():
    undefined = backtest(scored("2025-01", NAN, NAN), scored("2025-02", NAN, NAN))
    assert "ROC AUC undefined on average over 2 cut-offs" in backtest_summary(undefined)
    assert render_backtest(undefined).rstrip().endswith("</html>")


def test_the_summary_has_the_mean_the_beaten_baselines_and_the_worst_cutoff():
    assert backtest_summary(backtest(*THREE)) == (
        "ROC AUC 0.777 on average over 3 cut-offs, 2025-01 to 2025-03; mean of the best baselines 0.720. "
        "The model beats its baseline at 2 of 3 cut-offs; the worst cut-off is 2025-02 (0.690)."
    )


def test_only_the_summary_of_an_error_has_a_unit():
    assert backtest_summary(backtest(*THREE, metric="rmse")).startswith("RMSE 0.777 (EUR) on average")
    assert "(EUR)" not in render_backtest(backtest(*THREE))  # parentheses: images are base64 text


@pytest.mark.parametrize(
    ("scores", "heading", "sentence"),
    [
        (THREE[::2], "✓ Beats its baseline at every cut-off", "beats its baseline at all 2 cut-offs"),
        (THREE[:2], "≈ Beats its baseline at 1 of 2 cut-offs", "beats its baseline at 1 of 2 cut-offs"),
        (
            THREE[1:2] * 2,
            "✗ Does not beat its baseline at any cut-off",
            "beats its baseline at none of 2 cut-offs",
        ),
        (THREE[:1], "✓ Beats its baseline at the only cut-off", "the model beats its best baseline (0.700)."),
        (THREE[1:2], "✗ Does not beat its baseline at any", "does not beat its best baseline (0.700)."),
    ],
)
def test_the_heading_agrees_with_the_summary(scores: tuple[CutoffScore, ...], heading: str, sentence: str):
    page = render_backtest(backtest(*scores))
    assert heading in page
    assert sentence in page


def test_the_table_has_a_row_for_each_cutoff():
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
        ["0.690|0.670 to 0.710", "0.700|linear baseline", "✗ 0.0100 worse|baseline within the CI"],
        ["0.710|0.690 to 0.730", "0.700|constant baseline", "✓ 0.0100 better|baseline within the CI"],
        ["undefined", "0.700|linear baseline", "✗ undefined"],
    ]


def test_the_better_of_model_and_baseline_is_bold():
    page = render_backtest(backtest(*THREE, scored("2025-04", NAN, 0.7)))
    bold = re.findall(r'<td class="n[^"]* best">([\d.]+)', page)
    assert bold == ["0.800", "0.700", "0.840"]


def test_an_equal_score_is_shown_as_equal():
    assert cells(render_backtest(backtest(scored("2025-01", 0.7, 0.7))))[0][-1].startswith("✗ equal")


@pytest.mark.parametrize("scores", [THREE, THREE[:1]])
def test_the_page_loads_and_runs_nothing_and_escapes_names(scores: tuple[CutoffScore, ...]):
    evil = "<script>alert('1')</script> $\\frac{$ 特徴"
    odd = tuple(replace(each, cutoff=evil, family=evil, trained_on=evil) for each in scores)
    page = render_backtest(backtest(*odd, project=evil, description=evil, unit=evil, metric="rmse"))
    assert "<script" not in page
    assert page.count("<img") == 1
    assert '<img src="data:image/png;base64,' in page
    assert not re.search(r"https?://|@import|url\(|javascript:|<link|<iframe", page)
    assert page.startswith("<!doctype html>")


def test_equal_scores_have_equal_pages():
    assert render_backtest(backtest(*THREE)) == render_backtest(backtest(*THREE))
