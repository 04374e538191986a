"""Files that each service writes about a project: `serving/KIND/PROJECT/SERVICE.json` in the state directory.

Several services may share a state directory: none replaces the file of another one.
"""

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlops_assets.stores.system.disk_errors import write_replaceable

Kind = Literal["status", "log", "canary"]
_LASTING: tuple[Kind, ...] = ("log", "canary")
"""What counts after a service has ended: it may have dropped rows at last, or its figures are evidence."""


@dataclass(frozen=True)
class ServiceFiles:
    """The files of one kind.

    Attributes
    ----------
    serving
        The folder of the services in the state directory.
    """

    serving: Path
    kind: Kind

    def write(self, project: str, service: str, values: Mapping[str, Any]) -> None:
        """Replace the file of a project of a service."""
        write_replaceable(self._folder / project / f"{service}.json", json.dumps(values, indent=2))

    def read(self, project: str) -> list[dict[str, Any]]:
        """The content of the files of all services of a project."""
        found = []
        for file in (self._folder / project).glob("*.json"):
            with suppress(FileNotFoundError):  # removed since it was listed
                found.append(json.loads(file.read_text("utf-8")))
        return found

    def remove(self, service: str) -> None:
        """Remove the files of all projects of a service."""
        for file in self._folder.glob(f"*/{service}.json"):
            file.unlink(missing_ok=True)

    @property
    def _folder(self) -> Path:
        return self.serving / self.kind


def remove_ended(serving: Path, running: Collection[str]) -> None:
    """Remove what services that do not run any more have left."""
    for kind in _LASTING:
        for file in (serving / kind).glob("*/*.json"):
            if file.stem not in running:
                file.unlink(missing_ok=True)
