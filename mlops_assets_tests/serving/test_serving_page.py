"""Every `curl` of the page about serving has the described status."""

import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mlops_assets.serving.engine.engine import Engine
from mlops_assets.serving.http.app import create_app
from mlops_assets_tests.support.served_samples import CHURN, running

PAGE = Path(__file__).parents[2] / "docs" / "serving.md"
ADDRESS = "http://127.0.0.1:8000"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
STATUS = re.compile(r"# (\d{3})\b")


def commands() -> list[str]:
    """The commands with curl, each with its pipe and its comment."""
    found = []
    for block in BLOCK.findall(PAGE.read_text("utf-8")):
        command = ""
        for line in block.splitlines():
            command += f"{line}\n"
            is_open = command.count("'") % 2 or line.endswith(("\\", "|"))
            if not is_open:
                if re.search(r"\bcurl\b", command):
                    found.append(command.strip())
                command = ""
    return found


class Online:
    """The features of every customer."""

    def __init__(self, features: dict[str, Any]) -> None:
        self.features = features

    def __contains__(self, project: str) -> bool:
        return project == CHURN

    def is_local(self, project: str) -> bool:
        return True

    def get(self, project: str, entities: list[dict[str, Any]]) -> Any:
        rows = [SimpleNamespace(values={**self.features, **entity}, problem=None) for entity in entities]
        return SimpleNamespace(rows=rows, as_of=datetime(2025, 6, 1, tzinfo=UTC), headers={})


@pytest.fixture(scope="module")
def address(engine: Engine) -> Iterator[str]:
    online = Online(dict(engine.model(CHURN).compilation.examples[0]))
    with running(create_app(engine, online=online)) as found:
        yield found


@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_page_has_the_described_status(address: str, command: str, tmp_path: Path):
    written = STATUS.search(command)
    wanted = written.group(1) if written else "200"
    measured = command.replace(ADDRESS, address).replace("curl ", "curl -sS -o answer -w '%{http_code}' ")
    result = subprocess.run(
        ["bash", "-c", measured], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.stdout == wanted, result.stderr + (tmp_path / "answer").read_text("utf-8", "replace")


def test_the_page_has_commands():
    assert len(commands()) > 10
