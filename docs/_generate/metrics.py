"""`docs/reference/metrics.md`: every metric, from the catalogue."""

from pathlib import Path

from mlops_assets.workspace.metrics import catalogue

HEAD = Path(__file__).parent / "metrics_head.md"


def page() -> str:
    """Return the text of the page."""
    families = [value for value in vars(catalogue).values() if isinstance(value, catalogue.Family)]
    rows = "".join(map(_row, families))
    return f"{HEAD.read_text('utf-8')}| metric | kind | labels | meaning |\n| --- | --- | --- | --- |\n{rows}"


def _row(family: catalogue.Family) -> str:
    name = f"{family.name}_total" if family.kind == "counter" else family.name
    labels = ", ".join(f"`{label}`" for label in family.labels)
    return f"| `{name}` | {family.kind} | {labels} | {family.help} |\n"
