"""docs/troubleshooting.md: every message that it quotes exists in the code."""

import ast
import re
from pathlib import Path

import pytest

import mlops_assets

PAGE = Path(__file__).parents[2] / "docs" / "troubleshooting.md"
QUOTED = re.findall(r"^### `(.+)`$", PAGE.read_text("utf-8"), flags=re.MULTILINE)
PLACEHOLDER = "…"


def template(node: ast.AST) -> str:
    """A string of the code, with the placeholder for each value that is formatted into it."""
    match node:
        case ast.Constant(value=str()):
            return node.value
        case ast.JoinedStr():
            return "".join(template(part) or PLACEHOLDER for part in node.values)
        case _:
            return ""


@pytest.fixture(scope="module")
def templates() -> list[str]:
    found = []
    for module in Path(mlops_assets.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if text := template(node):
                found.append(text)
    return found


def test_messages_of_each_area_are_quoted():
    assert len(QUOTED) > 40
    assert len(set(QUOTED)) == len(QUOTED)


@pytest.mark.parametrize("quoted", QUOTED)
def test_a_quoted_message_exists_in_the_code(quoted, templates):
    pattern = ".*".join(map(re.escape, quoted.split(PLACEHOLDER)))
    assert any(re.search(pattern, text, flags=re.DOTALL) for text in templates), "the message has changed"
