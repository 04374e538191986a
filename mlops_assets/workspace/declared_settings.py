"""The settings of declarations with their lines, for errors that do not name them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from mlops_assets.components.model_project.project.column_checks import DECLARATION

_ATTRIBUTES = "attributes"


@dataclass(frozen=True)
class DeclaredSetting:
    """A setting of a declaration.

    Attributes
    ----------
    path
        Its path below `attributes`, such as `alerts.channels.ops.log`.
    text
        Its value as it is written; None for a group and a list.
    """

    file: Path
    path: str
    line: int
    text: str | None

    @property
    def location(self) -> str:
        """File and line as the start of a message."""
        return f"{self.file}:{self.line}: "


def declared_settings(file: Path) -> Iterator[DeclaredSetting]:
    """Yield the settings of a declaration from top to bottom; none if it is not valid YAML."""
    try:
        documents = list(yaml.compose_all(file.read_text("utf-8"), yaml.SafeLoader))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return
    for document in documents:
        for setting in _below(file, document, ()):
            if setting.path.startswith(f"{_ATTRIBUTES}."):
                path = setting.path.removeprefix(f"{_ATTRIBUTES}.")
                yield DeclaredSetting(file, path, setting.line, setting.text)


def setting_at(file: Path, path: str) -> DeclaredSetting | None:
    """Return the setting with a path, or the innermost group around it that is declared."""
    known = {setting.path: setting for setting in declared_settings(file)}
    parts = path.split(".")
    paths = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((known[each] for each in paths if each in known), None)


def setting_with(folder: Path, text: str, name: str | None = None) -> DeclaredSetting | None:
    """Return the first setting below a folder with a value, and with a name if one is given."""
    for file in sorted(folder.glob(f"**/{DECLARATION}")):
        for setting in declared_settings(file):
            if setting.text == text and name in (None, setting.path.rpartition(".")[2]):
                return setting
    return None


def _below(file: Path, node: yaml.Node | None, path: tuple[str, ...]) -> Iterator[DeclaredSetting]:
    entries: list[tuple[str, yaml.Node, yaml.Node]] = []
    if isinstance(node, yaml.MappingNode):
        entries = [(str(key.value), key, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        entries = [(str(number), value, value) for number, value in enumerate(node.value)]
    for name, start, value in entries:
        text = value.value if isinstance(value, yaml.ScalarNode) else None
        yield DeclaredSetting(file, ".".join((*path, name)), start.start_mark.line + 1, text)
        yield from _below(file, value, (*path, name))
