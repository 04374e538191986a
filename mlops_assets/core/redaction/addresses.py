"""Secrets in addresses and texts, found by parsing: user-info, parameters and `name=value` pairs."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, unquote_plus

from mlops_assets.core.redaction.secret_names import may_contain_secret_names, may_name_secret, names_secret

MASK = "***"
_EXAMPLE = "user:password@"
"""User and password of the examples in hints."""
_USER_INFO = re.compile(
    rf"(?<=://)(?!{_EXAMPLE})(?:[^/?#\s'\"<>]*@"
    # A password with an unencoded slash or question mark; `:8080/` is a port.
    r"|[^/?#:@\s'\"<>\[]*:(?!\d{0,5}(?:[/?#\s'\"<>]|$))[^\s'\"<>]*@)"
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PARAMETER = re.compile(r"(?<=[?&;])(?P<name>[^=&?;#\s'\"<>/]+)=(?P<value>[^&;#\s'\"<>]+)")
_VALUE = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^\s,;&'\"()\[\]{}]+"
_ASSIGNED = re.compile(rf"(?P<name>[A-Za-z][\w.-]*)(?P<sign> ?= ?|['\"] ?: ?)(?P<value>{_VALUE})")
_OPTION = re.compile(rf"(?P<name>--[a-z][\w-]*)(?P<sign> +)(?P<value>(?!-){_VALUE})")
_HEADER = re.compile(r"\b(?P<scheme>Bearer|Basic) +(?=[^\s'\"]*[\d=])[\w+/.~=-]{8,}")
_PLAIN = re.compile(r"['\"]?(?:|None|null|[Tt]rue|[Ff]alse|[…$<{*%].*)['\"]?")
"""What stands in the place of a secret: nothing, a placeholder or a reference to a variable."""
_TOKEN_LENGTH = 16
"""Length from which a user without a password is a token, as in `https://TOKEN@host`."""


def without_credentials(text: str) -> str:
    """Return a text with `scheme://user:password@host` as `scheme://host`, and secret parameters masked."""
    if "://" in text:
        text = _USER_INFO.sub("", text)
    return _PARAMETER.sub(_masked_parameter, text) if "=" in text else text


def shown_address(url: str) -> str:
    """Return an address for a message: without credentials, only its scheme if they are ambiguous."""
    return f"{url.partition('://')[0]}://…" if is_ambiguous(url) else without_credentials(url)


def without_named_secrets(text: str) -> str:
    """Return a text without credentials, and without the values of `password=…` and of `Bearer …`."""
    text = without_credentials(text)
    if may_contain_secret_names(text):
        text = _OPTION.sub(_masked_assignment, _ASSIGNED.sub(_masked_assignment, text))
    return _HEADER.sub(rf"\g<scheme> {MASK}", text) if "Bearer " in text or "Basic " in text else text


def credentials_of(url: str) -> tuple[str, str] | None:
    """Return user and password of a URL, percent-decoded; None if it has none."""
    found = _USER_INFO.search(url)
    if not found:
        return None
    user, _, password = found[0][:-1].partition(":")
    return unquote(user), unquote(password)


def may_contain_credentials(url: str) -> bool:
    """Whether some part of a URL can be read as user and password, or is a secret parameter."""
    query = url.partition("://")[2].partition("?")[2]
    parameters = any(value and may_name_secret(name) for name, value, _ in _parameters(query))
    return parameters or bool(_USER_INFO.search(url)) or is_ambiguous(url)


def is_ambiguous(url: str) -> bool:
    """Whether a URL has a port and later an `@`, which is also how a password with a slash looks.

    `http://ada:1/2@host` is the port 1 of the host ada by the standard.
    """
    authority, slash, rest = url.partition("://")[2].partition("/")
    return bool(slash) and ":" in authority and "@" not in authority and "[" not in authority and "@" in rest


def secrets_in(text: str) -> Iterator[str]:
    """Yield the secrets in the value of a setting: URLs, a connection string of Postgres or JSON."""
    for scheme in _SCHEME.finditer(text):
        yield from _secrets_of_url(text[scheme.end() :])
        following = _SCHEME.search(text, scheme.end())
        if following:  # another address, or a part of the password of this one
            yield from _secrets_of_url(text[scheme.end() : following.start()])
    for found in _ASSIGNED.finditer(text):
        if names_secret(found["name"]) and not _PLAIN.fullmatch(found["value"]):
            value = found["value"]
            yield re.sub(r"\\(.)", r"\1", value[1:-1]) if value[0] in "'\"" else value
    if text.lstrip().startswith("{"):
        try:
            yield from _secret_leaves(json.loads(text))
        except ValueError:  # not JSON, or incomplete
            return


def literal_secrets(settings: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield the paths of settings that hold a secret in plain text, and not as `{env: NAME}`."""
    for name, value in settings.items():
        place = f"{path}.{name}" if path else str(name)
        if isinstance(value, Mapping):
            if set(value) != {"env"}:
                yield from literal_secrets(value, place)
        elif isinstance(value, str) and (
            names_secret(str(name)) or ("://" in value and may_contain_credentials(value))
        ):
            yield place


def _secrets_of_url(rest: str) -> Iterator[str]:
    """Yield the secrets of a URL, given without its scheme."""
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    # To the last @ of the authority, and, in case a slash in the password is not encoded, of the whole URL.
    for place in (authority, rest if ":" in authority else ""):
        user, colon, password = place.rpartition("@")[0].partition(":")
        if f"{user}:{password}@" == _EXAMPLE:
            continue
        if colon:
            yield from _decodings(password)
            yield f"{unquote(user)}:{unquote(password)}"  # in the header of HTTP, in base64
        elif len(user) >= _TOKEN_LENGTH:
            yield from _decodings(user)
    query = rest.partition("?")[2]
    for name, value, rest_of_query in _parameters(query):
        if may_name_secret(name):
            yield from _decodings(value)
            yield rest_of_query  # in case an ampersand in the secret is not encoded


def _parameters(query: str) -> Iterator[tuple[str, str, str]]:
    """Yield name and value of each parameter, and the query from its value on."""
    for found in re.finditer(r"(?P<name>[^=&;#]*)=(?P<value>[^&;#]*)", query):
        yield unquote_plus(found["name"]), found["value"], query[found.start("value") :]


def _decodings(text: str) -> Iterator[str]:
    yield from dict.fromkeys((text, unquote(text), unquote_plus(text)))


def _secret_leaves(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _secret_leaves(item, str(key))
    elif isinstance(value, str) and may_name_secret(name):
        yield value


def _masked_parameter(found: re.Match[str]) -> str:
    return f"{found['name']}={MASK}" if may_name_secret(unquote_plus(found["name"])) else found[0]


def _masked_assignment(found: re.Match[str]) -> str:
    if not names_secret(found["name"]) or _PLAIN.fullmatch(found["value"]):
        return found[0]
    quote = found["value"][0] if found["value"][0] in "'\"" else ""
    return f"{found['name']}{found['sign']}{quote}{MASK}{quote}"
