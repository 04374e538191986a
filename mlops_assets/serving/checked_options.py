"""The options of a service, checked before it starts."""

import re
import ssl
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path

from mlops_assets.core.errors import ProjectError
from mlops_assets.serving.http.guards.tracing import is_configured
from mlops_assets.serving.keys.key_file import default_key_file, read_keys
from mlops_assets.serving.options import DEFAULT_CONCURRENCY, ServiceOptions
from mlops_assets.stores.system.host_addresses import allowed_addresses, is_every_interface, parse_origin

_ORIGIN = re.compile(r"(?P<scheme>https?)://[a-z0-9.\[\]:-]+?(?::(?P<port>[0-9]+))?")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def service_options(
    state: Path,
    host: str,
    *,
    allowed_hosts: Iterable[str] = (),
    cors_origins: Iterable[str] = (),
    keys: Path | None = None,
    no_keys: bool = False,
    max_concurrency: int = DEFAULT_CONCURRENCY,
    log_json: bool = False,
    tls_certificate: Path | None = None,
    tls_key: Path | None = None,
) -> ServiceOptions:
    """Return checked options.

    Parameters
    ----------
    state
        The state directory, whose file of keys is used if it has one and no other is named.
    no_keys
        Whether requests need no key, although the file exists or other machines reach the service.

    Raises
    ------
    ProjectError
        When options contradict each other, or the service would answer anyone on the network.
    StoreError
        When a file can't be read, or traces can't be exported.
    """
    names, origins = tuple(allowed_hosts), tuple(cors_origins)
    file = _key_file(state, keys, no_keys)
    is_optional = keys is None and file is not None and _is_loopback(host) and not file.exists()
    if file is not None and (keys is not None or file.exists()):
        read_keys(file)
    elif not no_keys and not _is_loopback(host):
        raise ProjectError(
            f"--host {host} lets other machines send requests, but no API key is required",
            hint="create a key: mlops keys create NAME --project PROJECT; or add --no-keys, behind a proxy "
            "that authenticates",
        )
    for origin in origins:
        _require_origin(origin)
    any_host = file is not None and not names and is_every_interface(host)
    if not any_host:
        allowed_addresses(host, names)
    _require_certificate(tls_certificate, tls_key)
    is_configured()
    return ServiceOptions(
        host=host,
        allowed_hosts=names,
        any_host=any_host,
        cors_origins=origins,
        keys=None if file is None else str(file.absolute()),
        keys_optional=is_optional,
        max_concurrency=max_concurrency,
        log_json=log_json,
        tls_certificate=None if tls_certificate is None else str(tls_certificate.absolute()),
        tls_key=None if tls_key is None else str(tls_key.absolute()),
    )


def exposure_notes(options: ServiceOptions) -> list[str]:
    """Return what an operator should know about how clients reach the service."""
    if _is_loopback(options.host):
        return []
    notes = []
    if options.keys is None:
        notes.append("requests need no API key: every machine that reaches the port can send them")
    if options.scheme == "http":
        notes.append("requests are not encrypted: use --tls-cert and --tls-key, or a proxy with TLS")
    return notes


def _key_file(state: Path, keys: Path | None, no_keys: bool) -> Path | None:
    if keys is not None and no_keys:
        raise ProjectError("--keys and --no-keys contradict each other", hint="remove one of them")
    if keys is not None or no_keys:
        return keys
    return default_key_file(state)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _require_origin(origin: str) -> None:
    found = _ORIGIN.fullmatch(origin)
    if found is None or parse_origin(origin) is None or found["port"] == _DEFAULT_PORTS[found["scheme"]]:
        raise ProjectError(
            f"--cors-origin {origin} is not an origin of pages",
            hint="write it as browsers do, in lower case, without path and default port: "
            "https://app.example.com",
        )


def _require_certificate(certificate: Path | None, key: Path | None) -> None:
    if certificate is None:
        if key is not None:
            raise ProjectError("--tls-key requires --tls-cert", hint="add --tls-cert FILE")
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as error:
        files = f"{certificate}" if key is None else f"{certificate} and {key}"
        raise ProjectError(
            f"{files} are not a certificate chain and its private key: {error}",
            hint="pass PEM files: the certificate first, then its issuers; and the key without a passphrase",
        ) from error


def _no_password() -> str:
    raise ValueError("the private key is encrypted")
