"""The model card: what a version is, what it is good for, and what became of it, in Markdown.

A card tells facts alone (Mitchell et al. 2019, Model Cards for Model Reporting): a section of which nothing
is known is left out.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from mlops_assets.ml.number_format import interval_text, metric_title, number, parameter
from mlops_assets.ml.search.baselines import MODEL

_STATES = {
    "champion": "It is the champion: it serves.",
    "pending": "It passed its gates and is pending approval.",
    "approved": "It is approved; it does not serve.",
    "rejected": "It was rejected; it does not serve.",
    "retired": "It served, and was retired.",
    "registered": "It is registered; it does not serve.",
}
_CUT = "\n_The rest is in `{place}`._\n"


@dataclass(frozen=True)
class CardEvent:
    """What happened to the version, as the ledger tells it."""

    at: datetime
    event: str
    actor: str
    reason: str


@dataclass(frozen=True)
class ModelCard:
    """The facts of one version.

    Attributes
    ----------
    state
        Where it stands by the ledger.
    evaluation
        The numbers of its evaluation report, as `Evaluation.to_json` gives them.
    gates
        The verdicts of its gates.
    tables, lineage
        What it was made of and by, by the names of both.
    serving_periods
        Of an event project: the first and the last partition that the model that serves was fitted on.
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
    serving_periods: tuple[str, str] | None = None

    @property
    def metrics(self) -> list[tuple[str, list[str]]]:
        """A row a metric: its name, and what the model and each baseline scored."""
        scores, deciding = self.evaluation["scores"], self.evaluation["metric"]
        rows = []
        for metric in scores[MODEL]:
            cells = []
            for name, theirs in scores.items():
                interval = self.evaluation["intervals"].get(name) if metric == deciding else None
                cells.append(_score(metric, theirs[metric], interval))
            title = metric_title(metric)
            rows.append((f"**{title}**, which decides" if metric == deciding else title, cells))
        return rows

    @property
    def slices(self) -> list[tuple[str, str, int, str]]:
        """Column, value, rows and score of each slice, those with the largest loss first."""
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
    """The card as Markdown; what comes from data or from people can neither break a table nor be HTML."""
    environment = Environment(
        loader=PackageLoader("mlops_assets.ml.reports"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters |= {"plain": plain, "number": number, "parameter": parameter}
    text = environment.get_template("model_card.md.j2").render(card=card, state=_STATES[card.state])
    return text.rstrip("\n") + "\n"


def shortened(text: str, most: int, *, place: str) -> str:
    """As many whole sections as there is room for, and where the others are."""
    if len(text) <= most:
        return text
    rest = _CUT.format(place=place)
    kept = text[: most - len(rest)]
    end = kept.rfind("\n## ")
    return (kept[: end + 1] if end > 0 else kept.rsplit("\n", 1)[0] + "\n") + rest


def plain(value: object) -> str:
    """A value as one line of Markdown that is neither a table's border, nor HTML, nor a link."""
    text = " ".join(str(value).split())
    for mark in ("\\", "|", "<", "[", "]", "`"):
        text = text.replace(mark, f"\\{mark}")
    return text


def _score(metric: str, value: float | None, interval: Sequence[float | None] | None) -> str:
    if value is None:
        return "undefined"
    told = number(value * 100) + " %" if metric == "mape" else number(float(value))
    low, high = (math.nan if end is None else float(end) for end in interval or (None, None))
    ends = interval_text(low, high, metric)
    return f"{told} (95 % interval {ends})" if ends else told
