"""Counts of logged and dropped rows, which workers leave in the run folder."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from os import getpid
from pathlib import Path
from typing import Self

from mlops_assets.stores.system.disk_errors import write_replaceable

_FOLDER = "prediction_log"


@dataclass
class LogCounts:
    """Rows of a project that one worker has logged, or all workers of a service.

    Attributes
    ----------
    logged
        Rows that were written to the spool.
    dropped
        Rows for which there was no room in memory, because the disk was slow or full.
    failed
        Rows that could not be converted.
    """

    logged: int = 0
    dropped: int = 0
    failed: int = 0

    @staticmethod
    def write(run: Path, counts: "Mapping[str, LogCounts]") -> None:
        """Leave the counts of this process in the run folder, which may be gone or full at the end."""
        file = run / _FOLDER / f"{getpid()}.json"
        with suppress(OSError):
            if run.exists():
                write_replaceable(file, json.dumps({name: asdict(one) for name, one in counts.items()}))

    @classmethod
    def read(cls, run: Path) -> dict[str, Self]:
        """The counts of all workers of a service, also of those that have ended, by project."""
        found: dict[str, Self] = {}
        for file in (run / _FOLDER).glob("*.json"):
            for name, one in json.loads(file.read_text("utf-8")).items():
                known = found.get(name, cls())
                found[name] = cls(
                    known.logged + one["logged"],
                    known.dropped + one["dropped"],
                    known.failed + one["failed"],
                )
        return found
