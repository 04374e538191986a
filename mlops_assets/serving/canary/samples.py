"""What workers report of a challenge: a small record for each entity and version, in the run folder.

An entity counts once in a window, because the rows of one entity all go to one version and are no independent
observations. A record has a digest of the routing key, salted at random for each run of the service, and no
value of a row.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from struct import Struct
from time import time

import numpy as np
from numpy.typing import NDArray

from mlops_assets.serving.canary.guardrails import Arm

CHAMPION, CHALLENGER = 0, 1
"""The versions of a record."""
_RECORD = Struct("<QBBdd")
RECORD_TYPE = np.dtype(
    [("key", "<u8"), ("arm", "u1"), ("failed", "u1"), ("score", "<f8"), ("seconds", "<f8")]
)
_MOST_KEYS = 50_000
"""Maximum number of entities of a version that a worker reports in a window; more change no result."""
_SUFFIX = ".samples"

Records = NDArray[np.void]


class SampleWriter:
    """The records of one worker about one challenge.

    Parameters
    ----------
    folder
        The folder of the challenge in the run folder.
    salt
        Hexadecimal; the same in all workers of a run.
    window_seconds
        Length of the windows, which start at the same times in all workers.
    """

    def __init__(self, folder: Path, salt: str, window_seconds: float) -> None:
        self._folder, self._salt, self._seconds = folder, bytes.fromhex(salt), window_seconds
        self._window = -1
        self._known: set[tuple[int, int, bool]] = set()
        self._counts = [0, 0]
        self._buffer = bytearray()

    def add(self, arm: int, key: str, *, failed: bool, score: float, seconds: float) -> None:
        """Remember the first answer and the first failure of an entity in this window.

        Parameters
        ----------
        score
            NaN of a failure.
        seconds
            Scoring time of a request with one row, NaN of others.
        """
        window = int(time() / self._seconds)
        if window != self._window:
            with suppress(OSError):  # a full disk must not fail a request
                self.flush()
            self._buffer.clear()
            self._window, self._counts = window, [0, 0]
            self._known.clear()
        text = key.encode("utf-8", "surrogatepass")
        number = int.from_bytes(blake2b(text, digest_size=8, key=self._salt).digest(), "little")
        if (number, arm, failed) in self._known or self._counts[arm] >= _MOST_KEYS:
            return
        self._known.add((number, arm, failed))
        self._counts[arm] += 1
        self._buffer += _RECORD.pack(number, arm, failed, score, seconds)

    def flush(self) -> None:
        """Append the remembered records to the file of this window."""
        if self._buffer:
            self._folder.mkdir(parents=True, exist_ok=True)
            with (self._folder / f"{self._window}-{os.getpid()}{_SUFFIX}").open("ab") as file:
                file.write(self._buffer)
            self._buffer.clear()


class SampleReader:
    """New records of all workers about a challenge; files of past windows are removed once they are read."""

    def __init__(self, folder: Path, window_seconds: float) -> None:
        self._folder, self._seconds = folder, window_seconds
        self._offsets: dict[str, int] = {}

    def read(self, now: float) -> Records:
        """Return the records that were written since the last call.

        Parameters
        ----------
        now
            The time in seconds; windows before it are past.
        """
        found = [np.empty(0, RECORD_TYPE), *self._new_records(int(now / self._seconds))]
        return np.concatenate(found)

    def _new_records(self, window: int) -> Iterator[Records]:
        for file in sorted(self._folder.glob(f"*{_SUFFIX}")):
            start = self._offsets.get(file.name, 0)
            count = (file.stat().st_size - start) // _RECORD.size  # the last record may be incomplete
            if count:
                self._offsets[file.name] = start + count * _RECORD.size
                yield np.fromfile(file, RECORD_TYPE, count, offset=start)
            elif int(file.name.partition("-")[0]) < window - 1:
                file.unlink()
                self._offsets.pop(file.name, None)


def arms_of(records: Records) -> tuple[Arm, Arm]:
    """The champion's and the challenger's records, each entity counted once."""
    champion, challenger = (_arm(records[records["arm"] == arm]) for arm in (CHAMPION, CHALLENGER))
    return champion, challenger


def _arm(records: Records) -> Arm:
    keys, first = np.unique(records["key"], return_index=True)
    failed = np.unique(records["key"][records["failed"] == 1])
    answered = records[records["failed"] == 0]
    _, scored = np.unique(answered["key"], return_index=True)
    scores, seconds = answered["score"][scored], records["seconds"][first]
    return Arm(
        len(keys),
        len(failed),
        np.asarray(scores[~np.isnan(scores)]),
        np.asarray(seconds[~np.isnan(seconds)]),
    )
