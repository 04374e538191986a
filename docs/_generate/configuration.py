"""`docs/reference/configuration.md`: every setting of `defs.yaml`, from the settings classes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from docs._generate.settings import Group, Setting, example, groups, type_name
from docs._generate.units import UNITS

HEAD = Path(__file__).parent / "configuration_head.md"
EXAMPLES = Path(__file__).parent / "examples.yaml"

Documents = Sequence[Mapping[str, Any]]


def example_documents() -> Documents:
    """Return the attributes of each example project."""
    return list(yaml.safe_load_all(EXAMPLES.read_text("utf-8")))


def page() -> str:
    """Return the text of the page."""
    documents, found = example_documents(), list(groups())
    index = "".join(
        f"- [`{group.path}`](#{_anchor(_title(group))}): {group.description}\n"
        for group in found
        if group.path
    )
    sections = "\n".join(_section(group, documents) for group in found)
    return f"{HEAD.read_text('utf-8')}{index}\n{sections}"


def _section(group: Group, documents: Documents) -> str:
    head = f"## {_title(group)}\n\n{_group_facts(group)}" if group.setting else "## Top level\n"
    return "\n".join([head, *(_entry(setting, documents) for setting in group.settings if setting.is_leaf)])


def _title(group: Group) -> str:
    """The heading; where a setting is text or a group, the two have headings of their own."""
    shared = group.setting is not None and group.setting.is_leaf
    return f"`{group.path}` as a mapping" if shared else f"`{group.path}`"


def _group_facts(group: Group) -> str:
    assert group.setting is not None
    kind = {
        "[]": "A list; each entry has these keys.",
        "e>": "A mapping; the keys are names of tables.",
        "n>": "A mapping; the keys are names of columns.",
    }
    need = "Required." if group.setting.info.is_required() else "Optional."
    return f"{group.description}\n\n{' '.join([need, kind.get(group.path[-2:], '')]).strip()}\n"


def _entry(setting: Setting, documents: Documents) -> str:
    facts = {
        "Type": type_name(setting.info.annotation),
        "Default": setting.default,
        "Unit": UNITS.get(setting.path, ""),
        "Constraints": ", ".join(setting.constraints),
    }
    lines = [f"### `{setting.path}`\n", f"{setting.info.description}\n"]
    lines += [f"- {name}: {fact}" for name, fact in facts.items() if fact]
    return "\n".join([*lines, _example(setting, documents), ""])


def _example(setting: Setting, documents: Documents) -> str:
    value = example(documents, setting.path)
    if not isinstance(value, Mapping):
        flow = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=10**6)
        return f"- Example: `{setting.name}: {flow.strip()[1:-1]}`"
    block = yaml.safe_dump({setting.name: value}, allow_unicode=True, sort_keys=False)
    return "- Example:\n\n  ```yaml\n" + "".join(f"  {line}\n" for line in block.splitlines()) + "  ```"


def _anchor(title: str) -> str:
    """The anchor of a heading, as GitHub and MyST make it."""
    kept = (character for character in title.lower() if character.isalnum() or character in "_- ")
    return "".join(kept).replace(" ", "-")
