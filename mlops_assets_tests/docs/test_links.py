"""Relative links of README and of the pages lead to files and headings that exist, as GitHub shows them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "data").glob("*.md"))
    if "_build" not in path.parts and "_generate" not in path.parts
)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^(```+|:::+).*?^\1\s*$", flags=re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", flags=re.MULTILINE)


def text_of(page: Path) -> str:
    """A page without its code blocks."""
    return _FENCE.sub("", page.read_text("utf-8"))


def links(page: Path) -> list[str]:
    return [target for target in _LINK.findall(text_of(page)) if not re.match(r"[a-z]+:", target)]


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    found = set()
    for heading in _HEADING.findall(text_of(page)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        found.add("".join(c for c in plain if c.isalnum() or c in "_- ").replace(" ", "-"))
    return found


def code_paths(page: Path) -> set[str]:
    """Paths of the repository that a page quotes as code."""
    return set(
        re.findall(r"`((?:mlops_assets|mlops_assets_tests|benchmarks)/[\w./]+)`", page.read_text("utf-8"))
    )


def test_pages_and_links_are_found():
    assert {"README.md", "CONTRIBUTING.md", "index.md", "configuration.md"} <= {page.name for page in PAGES}
    assert "docs/governance.md" in {target.partition("#")[0] for target in links(ROOT / "README.md")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_relative_links_lead_somewhere(page):
    for target in links(page):
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{page.name} links to {target}"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{page.name} links to {target}, which has no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_quoted_paths_exist(page):
    created_by_an_example = {"mlops_assets/defs/lending/"}
    gone = [path for path in code_paths(page) - created_by_an_example if not (ROOT / path).exists()]
    assert not gone, f"{page.name} names paths that do not exist"
