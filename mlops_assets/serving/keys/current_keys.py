"""The keys that are in force: those of the file, which is read again when it changes."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from mlops_assets.core.errors import StoreError
from mlops_assets.serving.file_signs import file_sign
from mlops_assets.serving.keys.api_key import ApiKey, KeyRing
from mlops_assets.serving.keys.key_file import read_keys

_SECONDS = 1.0
"""How long a change of the file may be unnoticed."""
_LOG = logging.getLogger(__name__)


class CurrentKeys:
    """The keys of a file; a file that becomes unreadable leaves those that were read before.

    Parameters
    ----------
    clock
        Seconds of a clock that never goes back.
    is_optional
        Whether requests need no key until the file exists.

    Raises
    ------
    StoreError
        When the file can't be read at first.
    """

    def __init__(
        self, file: Path, clock: Callable[[], float] = monotonic, *, is_optional: bool = False
    ) -> None:
        self._file, self._clock = file, clock
        self._sign = file_sign(file)
        self._are_required = self._sign is not None or not is_optional
        self._ring = KeyRing(read_keys(file) if self._are_required else ())
        self._next = clock() + _SECONDS

    @property
    def are_required(self) -> bool:
        """Whether requests need a key, from the first one that was created."""
        if not self._are_required and self._clock() >= self._next:
            self._read_again()
        return self._are_required

    def find(self, token: str) -> ApiKey | None:
        """Return the active key that a client sent; None if there is none."""
        if self._clock() >= self._next:
            self._read_again()
        return self._ring.find(token, datetime.now(UTC))

    def _read_again(self) -> None:
        self._next = self._clock() + _SECONDS
        sign = file_sign(self._file)
        if sign == self._sign:
            return
        self._sign, self._are_required = (
            sign,
            True,
        )  # also for a file that can't be read: no key is valid then
        try:
            self._ring = KeyRing(read_keys(self._file))
        except StoreError as error:
            _LOG.error("the API keys are unchanged: %s", error)
