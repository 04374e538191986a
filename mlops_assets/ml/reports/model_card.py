"""The model card of a version in Markdown (Mitchell et al. 2019, Model Cards for Model Reporting).

Sections without content are left out.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from mlops_assets.core.text.visible_text import markdown_line
from mlops_assets.ml.number_format import interval_text, metric_title, number, parameter
from mlops_assets.ml.search.baselines import MODEL

_STATES = {
    "champion": "This version is the champion.",
    "pending": "This version passed its gates and is pending approval.",
    "approved": "This version is approved and is not the champion.",
    "rejected": "This version was rejected.",
    "retired": "This version was the champion and is retired.",
    "registered": "This version is registered and is not the champion.",
    "expired": "This version was rejected, and its files were removed when its retention period ended.",
}
_TRUNCATED = "\n_Truncated. The complete card is in `{place}`._\n"


@dataclass(frozen=True)
class CardEvent:
    """An entry of the ledger about the version."""

    at: datetime
    event: str
    actor: str
    reason: str


@dataclass(frozen=True)
class ModelCard:
    """The content of a card.

    Attributes
    ----------
    state
        The state of the version in the ledger.
    evaluation
        The numbers of the evaluation report, from `Evaluation.to_json`; empty if there is none.
    gates
        Gate results, from `GateResult.to_json`.
    tables, lineage
        Versions of the tables that the model is derived from, and identifiers of its training, by name.
    refitted_on
        The rows that the deployed model was fitted on; empty if it is the evaluated model.
    """

    project: str
    version: int
    state: str
    description: str
    task: str
    target: str
    intended_use: str
    limits: Sequence[str]
    owners: Sequence[str]
    evaluation: Mapping[str, Any]
    gates: Sequence[Mapping[str, Any]]
    tables: Mapping[str, str]
    lineage: Mapping[str, str]
    history: Sequence[CardEvent]
    refitted_on: str = ""

    @property
    def metrics(self) -> list[tuple[str, list[str]]]:
        """A row for each metric: its name, and the scores of the model and each baseline."""
        scores, deciding = self.evaluation["scores"], self.evaluation["metric"]
        rows = []
        for metric in scores[MODEL]:
            cells = []
            for name, theirs in scores.items():
                interval = self.evaluation["intervals"].get(name) if metric == deciding else None
                cells.append(_score(metric, theirs[metric], interval))
            title = metric_title(metric)
            rows.append((f"**{title}** (primary metric)" if metric == deciding else title, cells))
        return rows

    @property
    def slices(self) -> list[tuple[str, str, int, str]]:
        """Column, value, number of rows and score of each slice, the largest relative loss first."""
        found = sorted(self.evaluation.get("slices", []), key=lambda one: -(one["ratio"] or 0))
        metric = self.evaluation["metric"]
        return [
            (
                one["column"],
                str(one["value"]),
                one["rows"],
                _score(metric, one["score"], (one["low"], one["high"])),
            )
            for one in found
        ]


def render_card(card: ModelCard) -> str:
    """Render the card as Markdown, with all values escaped."""
    environment = Environment(
        loader=PackageLoader("mlops_assets.ml.reports"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters |= {"plain": markdown_line, "number": number, "parameter": parameter}
    text = environment.get_template("model_card.md.j2").render(card=card, state=_STATES[card.state])
    return text.rstrip("\n") + "\n"


def shortened(text: str, most: int, *, place: str) -> str:
    """Truncate a card after its last whole section that fits.

    Parameters
    ----------
    most
        Maximum number of characters.
    place
        Where the complete card is.
    """
    if len(text) <= most:
        return text
    rest = _TRUNCATED.format(place=place)
    kept = text[: most - len(rest)]
    end = kept.rfind("\n## ")
    return (kept[: end + 1] if end > 0 else kept.rsplit("\n", 1)[0] + "\n") + rest


def _score(metric: str, value: float | None, interval: Sequence[float | None] | None) -> str:
    if value is None:
        return "undefined"
    score = number(value * 100) + " %" if metric == "mape" else number(float(value))
    low, high = (math.nan if end is None else float(end) for end in interval or (None, None))
    ends = interval_text(low, high, metric)
    return f"{score} (95 % CI {ends})" if ends else score
