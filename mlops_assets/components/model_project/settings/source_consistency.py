"""What can be wrong with how a table's source is declared."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlops_assets.components.model_project.settings.project import ProjectSettings
    from mlops_assets.components.model_project.settings.tables import SourceSettings

Faults = Iterator[tuple[str, str]]

_ASSET_KEY = re.compile(r"[\w.-]+(/[\w.-]+)*")
_SQL_FILE = re.compile(r"(?!\.)[\w.-]+(/(?!\.)[\w.-]+)*\.sql")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET = re.compile(
    r"secret|passw|passphrase|^pwd$|credential|^key$|_key$|api_?key|access_?key|^token$|_token$|^sas|"
    r"connection_string|authorization|cookie"
)
_SIGNED = re.compile(r"[?&][^=&]*(sig|token|secret|key|passw)[^=&]*=", re.IGNORECASE)
_NO_SECRETS = ("anon", "cloud", "google_default", None, "", True, False)
"""What options that are named like secrets may say openly."""


def source_faults(settings: "ProjectSettings") -> Faults:
    """Paths of settings, and what is wrong with each."""
    for name, table in settings.tables.items():
        path, source = f"tables.{name}.source", table.source
        if isinstance(source, str):
            yield from _url_faults(path, source)
            continue
        chosen = [kind for kind in ("sql", "url", "asset") if getattr(source, kind)]
        if len(chosen) != 1:
            yield path, f"has {' and '.join(chosen) or 'none'} of sql, url and asset, and must have one"
        if bool(source.sql) != bool(source.database):
            yield f"{path}.{'database' if source.sql else 'sql'}", "is missing: the two go together"
        if source.storage_options and not source.url:
            yield f"{path}.storage_options", "is for `url`"
        yield from _url_faults(f"{path}.url", source.url or "")
        yield from _secret_faults(f"{path}.storage_options", source.storage_options)
        yield from _query_faults(path, source)
        if source.asset and not _ASSET_KEY.fullmatch(source.asset):
            yield f"{path}.asset", f"is {source.asset!r}, which is no asset's key, such as shop/predictions"
        if source.sql and table.time and not table.arrival:
            yield (
                f"tables.{name}.arrival",
                "is missing: a query's rows are dated by a column",
            )


def _query_faults(path: str, source: "SourceSettings") -> Faults:
    if source.sql and source.sql.endswith(".sql") and not _SQL_FILE.fullmatch(source.sql):
        yield f"{path}.sql", f"is {source.sql!r}, and must be in the project's folder, such as orders.sql"
    database = source.database or ""
    if database and not (database.startswith("sqlite:///") or _VARIABLE.fullmatch(database)):
        # The value stays untold: it may be a URL with a password.
        yield (
            f"{path}.database",
            "is neither sqlite:///… nor the name of an environment variable, such as CRM_URL, that holds a "
            "postgresql:// URL",
        )


def _url_faults(path: str, text: str) -> Faults:
    if "://" not in text:
        if path.endswith(".url") and text:
            yield path, f"is {text!r}, which is no URL, such as s3://bucket/orders/*.parquet"
        return
    if "::" in text:
        yield path, "chains file systems by `::`, which is not read"
    elif "@" in text.partition("://")[2].partition("/")[0]:
        yield path, "holds a name or a password: put them into storage_options, as {env: NAME}"
    elif _SIGNED.search(text):
        yield path, "holds a signature or a token, and addresses are shown to everybody"


def _secret_faults(path: str, options: Mapping[str, Any]) -> Faults:
    """Faults of options that hold what no file should."""
    for name, value in options.items():
        if isinstance(value, Mapping):
            if set(value) != {"env"}:
                yield from _secret_faults(f"{path}.{name}", value)
            elif not _VARIABLE.fullmatch(str(value["env"])):
                yield f"{path}.{name}", "has an `env` that is no name of an environment variable"
        elif _SECRET.search(name.lower()) and value not in _NO_SECRETS:
            yield f"{path}.{name}", "is a secret: write {env: NAME}, the name of an environment variable"
