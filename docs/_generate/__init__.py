"""Pages of `docs/reference/` that are generated from the code."""

from collections.abc import Callable
from pathlib import Path

from docs._generate import commands, configuration, metrics

REFERENCE = Path(__file__).parent.parent / "reference"
PAGES: dict[Path, Callable[[], str]] = {
    REFERENCE / "configuration.md": configuration.page,
    REFERENCE / "commands.md": commands.page,
    REFERENCE / "metrics.md": metrics.page,
}


def write(path: Path) -> None:
    """Write one page."""
    path.write_text(PAGES[path](), "utf-8")
