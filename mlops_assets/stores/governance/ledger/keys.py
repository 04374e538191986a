"""The key that signs the entries of ledgers, from the environment; it is never logged, stored or shown.

The hash of an entry covers all entries before it: the signature of the last entry covers the whole ledger.
"""

import hmac
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from mlops_assets.core.errors import StoreError
from mlops_assets.core.redaction.redact import keep_secret

KEY_VARIABLE = "MLOPS_LEDGER_KEY"
"""The environment variable with the key that signs new entries."""
FORMER_KEYS_VARIABLE = "MLOPS_LEDGER_FORMER_KEYS"
"""The environment variable with keys that signed earlier entries, separated by commas."""
_SCHEME = "hmac-sha256"
_SHORTEST = 32
_HINT = "generate a key, for example with `openssl rand -hex 32`, and keep it outside of the state directory"


@dataclass(frozen=True)
class LedgerKeys:
    """The keys of this process.

    Attributes
    ----------
    current
        The key that signs new entries; None if entries are not signed.
    former
        Keys of earlier entries, for the time of a rotation.
    """

    current: bytes | None = field(default=None, repr=False)
    former: tuple[bytes, ...] = field(default=(), repr=False)

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> "LedgerKeys":
        """Read the keys of the environment.

        Raises
        ------
        StoreError
            If a key is too short, or only former keys are set. The message contains no key.
        """
        current, former = environment.get(KEY_VARIABLE), environment.get(FORMER_KEYS_VARIABLE)
        if current is None:
            if former:
                raise StoreError(
                    f"{FORMER_KEYS_VARIABLE} is set, and {KEY_VARIABLE} is not",
                    hint=f"set {KEY_VARIABLE} to the key that signs new entries",
                )
            return cls()
        others = [text for text in (former or "").split(",") if text.strip()]
        return cls(
            _key(current, KEY_VARIABLE),
            tuple(_key(text, f"a key in {FORMER_KEYS_VARIABLE}") for text in others),
        )

    @property
    def current_id(self) -> str:
        """The identifier of the current key; empty without one."""
        return key_id(self.current) if self.current else ""

    def sign(self, project: str, sequence: int, entry_hash: str) -> str:
        """The signature of an entry, `hmac-sha256:KEY:MAC`; empty without a key."""
        if self.current is None:
            return ""
        return f"{_SCHEME}:{self.current_id}:{_mac(self.current, project, sequence, entry_hash)}"

    def knows(self, signature: str) -> bool:
        """Whether the key of a signature is one of these keys."""
        return self._find(signature) is not None

    def verifies(self, signature: str, project: str, sequence: int, entry_hash: str) -> bool:
        """Whether a signature is that of an entry, by a key that is known."""
        key, scheme = self._find(signature), signature.partition(":")[0]
        if key is None or scheme != _SCHEME:
            return False
        expected = _mac(key, project, sequence, entry_hash)
        return hmac.compare_digest(expected.encode(), signature.rpartition(":")[2].encode())

    def _find(self, signature: str) -> bytes | None:
        known = {key_id(key): key for key in (*self.former, *([self.current] if self.current else []))}
        return known.get(signing_key_id(signature))


def key_id(key: bytes) -> str:
    """The public identifier of a key, from which the key cannot be derived."""
    return sha256(b"mlops_assets ledger key\0" + key).hexdigest()[:12]


def signing_key_id(signature: str) -> str:
    """The identifier of the key of a signature."""
    return signature.partition(":")[2].partition(":")[0]


def _key(text: str, subject: str) -> bytes:
    key = os.fsencode(text.strip())  # a key that was read from a file ends with a line break
    if len(key) < _SHORTEST:
        raise StoreError(
            f"{subject} is {'too short' if key else 'empty'}: at least {_SHORTEST} characters are required",
            hint=_HINT,
        )
    keep_secret(text.strip())  # each key of a list by itself
    return key


def _mac(key: bytes, project: str, sequence: int, entry_hash: str) -> str:
    signed = b"mlops_assets ledger entry\0" + json.dumps([project, sequence, entry_hash]).encode()
    return hmac.new(key, signed, sha256).hexdigest()
