"""Names of settings, parameters and environment variables whose values are secret."""

import re

_SECRET = re.compile(
    r"(?:passw(?:or)?d|passphrase|pwd|secret|token|credentials?|authorization|signature|"
    r"(?:api|access|account|private|secret|shared|signing|encryption)[_-]?key|access_?key_?id)$|^sig$"
)
_POSSIBLE = re.compile(
    r"secret|passw|passphrase|^pwd$|_pwd$|credential|^key$|[_-]key$|api_?key|access_?key|account_?key|token$|"
    r"^sas|_sas$|^sig$|signature$|^pass$|_pass$|connection_?string|authorization|cookie|webhook"
)
_WORKING_DIRECTORIES = ("pwd", "oldpwd")
_PARTS = (
    "passw",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "credential",
    "authorization",
    "signature",
    "key",
    "sig",
)


def may_contain_secret_names(text: str) -> bool:
    """Whether a text contains a part of a secret's name: a fast necessary condition."""
    lower = text.lower()
    return any(part in lower for part in _PARTS)


def names_secret(name: str) -> bool:
    """Whether the value behind `name=` in a text is a secret; `key=` and `tokens=` in a message are not."""
    return bool(_SECRET.search(name.lower()))


def may_name_secret(name: str) -> bool:
    """Whether an option, a parameter of a URL or an environment variable may hold a secret, by its name."""
    lower = name.lower()
    return lower not in _WORKING_DIRECTORIES and bool(_POSSIBLE.search(lower))
