"""Secrets that are recognised by their form, wherever they stand: API keys of `mlops serve`."""

import re

API_KEY_PREFIX = "mlops"
_API_KEY = re.compile(rf"({API_KEY_PREFIX}_[0-9a-f]{{8}}_)[0-9a-f]{{64}}")


def without_api_keys(text: str, mask: str) -> str:
    """Return a text with the secret part of each API key replaced by a mask; its public part stays."""
    return _API_KEY.sub(rf"\1{mask}", text) if f"{API_KEY_PREFIX}_" in text else text
