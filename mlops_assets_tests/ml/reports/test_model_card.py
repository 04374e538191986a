"""Model cards: complete sections, none without content, and escaped values."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args

import pytest

from mlops_assets.core.text.visible_text import markdown_line
from mlops_assets.ml.reports.model_card import CardEvent, ModelCard, render_card, shortened
from mlops_assets.stores.governance.ledger.state import Status

EVALUATION = {
    "metric": "roc_auc",
    "unit": "",
    "scores": {
        "model": {"roc_auc": 0.8317, "log_loss": 0.5},
        "constant baseline": {"roc_auc": 0.5, "log_loss": 0.69},
        "linear baseline": {"roc_auc": 0.8264, "log_loss": None},
    },
    "intervals": {"model": [0.816, 0.849], "constant baseline": [None, None]},
    "holdout_rows": 2070,
    "train_rows": 21000,
    "features": ["recent", "amount"],
    "family": "xgboost",
    "params": {"eta": 0.123456, "max_depth": 6},
    "split": "tested on 2025-03, trained on 2024-01 to 2024-12",
}
CARD = ModelCard(
    project="shop",
    version=3,
    state="champion",
    description="Who buys nothing | next month.",
    task="binary",
    target="quiet",
    intended_use="",
    limits=(),
    owners=("team:retention",),
    evaluation=EVALUATION,
    gates=[
        {
            "gate": "better_than_baseline",
            "passed": True,
            "message": "roc_auc 0.8317 beats the baseline (0.8264)",
        }
    ],
    tables={"shop/features": "4", "training set": "2"},
    lineage={"model digest": "abc", "MLflow run": "def"},
    history=(
        CardEvent(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "promoted", "ada", "she\n| said <b>so</b>"),
    ),
    refitted_on="2024-01 to 2025-03",
)


def headings(text: str) -> list[str]:
    return [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]


def test_a_card_has_metrics_with_intervals_gates_data_lineage_and_history():
    text = render_card(CARD)
    assert headings(text) == ["Metrics", "Gates", "Data", "Model", "Lineage", "History"]
    for line in (
        "# shop, version 3",
        "Who buys nothing \\| next month.",
        "This version is the champion. Task: binary classification of `quiet`. Owner: team:retention.",
        "On 2,070 holdout rows (tested on 2025-03, trained on 2024-01 to 2024-12):",
        "| metric | model | constant baseline | linear baseline |",
        "| --- | --- | --- | --- |",
        "| **ROC AUC** (primary metric) | 0.832 (95 % CI 0.816 to 0.849) | 0.500 | 0.826 |",
        "| Log loss | 0.500 | 0.690 | undefined |",
        "| better than baseline | passed | roc_auc 0.8317 beats the baseline (0.8264) |",
        "Trained on 21,000 rows with 2 features. The deployed model was refitted on 2024-01 to 2025-03.",
        "| shop/features | 4 |",
        "xgboost: eta 0.1235, max_depth 6",
        "| model digest | `abc` |",
        "| 2026-01-02 03:04:05 | promoted | ada | she \\| said \\<b>so\\</b> |",
    ):
        assert line in text.splitlines(), (line, text)


@pytest.mark.parametrize("status", get_args(Status))
def test_a_card_describes_every_status_of_a_version(status):
    [line] = [line for line in render_card(replace(CARD, state=status)).splitlines() if " Task: " in line]
    assert line.startswith("This version ")


def test_a_card_has_intended_use_limitations_and_the_optional_analyses():
    found = {
        "slices": [
            {
                "column": "channel",
                "value": "w|b",
                "rows": 40,
                "score": 0.7,
                "low": 0.6,
                "high": 0.8,
                "ratio": 2.0,
            },
            {
                "column": "channel",
                "value": "shop",
                "rows": 4,
                "score": None,
                "low": None,
                "high": None,
                "ratio": 3.0,
            },
        ],
        "fairness": [
            {
                "column": "sex",
                "criteria": {"demographic parity difference": 0.1},
                "differences": [{"measure": "recall", "size": 0.25}],
            }
        ],
        "behaviour": [{"name": "more_is_better", "passed": False, "asked": "rises", "found": "falls"}],
        "quality": [
            {"table": "purchases", "validated": 90, "quarantined": 10, "rules": [["amount > 0", 10]]}
        ],
    }
    card = replace(
        CARD, evaluation={**EVALUATION, **found}, intended_use="To call customers.", limits=["Not for loans."]
    )
    text = render_card(card)
    assert headings(text)[:3] == ["Intended use", "Limitations", "Metrics"]
    for line in (
        "To call customers.",
        "- Not for loans.",
        "Table purchases: 90 valid and 10 quarantined rows; violations: amount > 0 (10).",
        "| channel | w\\|b | 40 | 0.700 (95 % CI 0.600 to 0.800) |",
        "| channel | shop | 4 | undefined |",
        "| sex | demographic parity difference | 0.100 |",
        "| sex | difference in recall | 0.250 |",
        "| more_is_better | FAILED | rises | falls |",
    ):
        assert line in text.splitlines(), (line, text)
    assert text.index("| shop | 4 |") < text.index("| w\\|b | 40 |"), "the largest relative loss is first"


def test_a_version_without_an_evaluation_has_a_card():
    text = render_card(replace(CARD, evaluation={}, gates=(), tables={}, owners=(), refitted_on=""))
    assert headings(text) == ["Lineage", "History"]
    assert json.dumps(text)


def test_a_truncated_card_ends_with_a_whole_section_and_the_place_of_the_complete_card():
    text = render_card(CARD)
    assert shortened(text, len(text), place="card/model_card.md") == text
    for most in range(300, len(text)):
        short = shortened(text, most, place="card/model_card.md")
        assert len(short) <= most
        assert short.endswith("_Truncated. The complete card is in `card/model_card.md`._\n")
        assert text.startswith(short.rpartition("\n_Truncated")[0])
    assert headings(shortened(text, len(text) - 1, place="x"))[-1] == "Lineage"


@pytest.mark.parametrize(
    ("value", "escaped"), [("a\nb\tc", "a b c"), ("<a|b>", "\\<a\\|b>"), ("[x](y) `z`", "\\[x\\](y) \\`z\\`")]
)
def test_values_are_one_line_of_plain_text(value, escaped):
    assert markdown_line(value) == escaped


def test_a_card_has_the_thresholds_and_the_effect_of_a_fairness_constraint():
    constraint = {
        "column": "sex",
        "measure": "demographic parity difference",
        "at_most": 0.05,
        "before": {"disparity": 0.19},
        "after": {"disparity": 0.06},
        "holds": False,
        "metrics": {"accuracy": [0.85, 0.84]},
        "groups": [{"label": "f|m", "threshold": 0.4}, {"label": "m", "threshold": 0.6}],
    }
    groups = [{"column": "sex", "criteria": {}, "differences": []}]
    evaluation = {**CARD.evaluation, "fairness": groups, "mitigation": constraint}
    lines = render_card(replace(CARD, evaluation=evaluation)).splitlines()
    for line in (
        "The decision thresholds depend on `sex`, which predictions read: f\\|m 0.400, m 0.600.",
        "| on the holdout | without the constraint | this version |",
        "| demographic parity difference (at most 0.05) | 0.190 | 0.0600, exceeded |",
        "| accuracy | 0.850 | 0.840 |",
    ):
        assert line in lines, line
