"""Rules of the sources of tables: what is allowed together, and where secrets belong."""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from mlops_assets.components.model_project.settings.base import Errors
from mlops_assets.core.redaction.addresses import may_contain_credentials
from mlops_assets.core.redaction.secret_names import may_name_secret

if TYPE_CHECKING:
    from mlops_assets.components.model_project.settings.project import ProjectSettings
    from mlops_assets.components.model_project.settings.tables import SourceSettings, TableSettings

_ASSET_KEY = re.compile(r"[\w.-]+(/[\w.-]+)*")
_SQL_FILE = re.compile(r"(?!\.)[\w.-]+(/(?!\.)[\w.-]+)*\.sql")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SIGNED = re.compile(r"[?&][^=&]*(sig|token|secret|key|passw)[^=&]*=", re.IGNORECASE)
_NOT_SECRET = ("anon", "cloud", "google_default", None, "", True, False)
"""Values that an option with a secret's name may have in plain text."""


def source_errors(settings: "ProjectSettings") -> Errors:
    """The errors in the sources of all tables."""
    for place, table in _tables(settings):
        path, source = f"{place}.source", table.source
        if place != "scoring" or (settings.scoring and settings.scoring.excel):
            yield from _excel_errors(place, table)
        if isinstance(source, str):
            yield from _url_errors(path, source)
            continue
        chosen = [kind for kind in ("sql", "url", "asset") if getattr(source, kind)]
        if len(chosen) != 1:
            yield path, f"has {' and '.join(chosen) or 'none'} of sql, url and asset; declare exactly one"
        if bool(source.sql) != bool(source.database):
            yield (
                f"{path}.{'database' if source.sql else 'sql'}",
                "is missing: declare sql and database together",
            )
        if source.storage_options and not source.url:
            yield f"{path}.storage_options", "requires `url`"
        yield from _url_errors(f"{path}.url", source.url or "")
        yield from _secret_errors(f"{path}.storage_options", source.storage_options)
        yield from _query_errors(path, source)
        if source.asset and not _ASSET_KEY.fullmatch(source.asset):
            yield f"{path}.asset", f"is {source.asset!r}; write an asset key, such as shop/predictions"
        if source.sql and table.time and not table.arrival:
            yield f"{place}.arrival", "is missing: name the column that dates the rows of the query"
        if source.sql and table.arrival in table.formats:
            yield (
                f"{place}.formats.{table.arrival}",
                "is not supported for a query with `arrival`, whose days the database counts; convert the "
                "column to a timestamp in the query",
            )
        if source.asset and table.time_zone != "UTC":
            yield (
                f"{place}.time_zone",
                "is not for assets: times in the warehouse are in UTC",
            )
        if source.sql and table.arrival and table.time_zone != "UTC":
            yield (
                f"{place}.time_zone",
                "is not supported for a query with `arrival`, whose days the database counts; convert the "
                "times to UTC in the query, for example with `at time zone`",
            )


def _tables(settings: "ProjectSettings") -> "Iterator[tuple[str, TableSettings]]":
    """The tables with a source, each with the path of its settings."""
    yield from ((f"tables.{name}", table) for name, table in settings.tables.items())
    if settings.scoring:
        yield "scoring", settings.scoring.as_table(next(iter(settings.tables.values())))


def _excel_errors(place: str, table: "TableSettings") -> Errors:
    """A layout of Excel files for a source that has none."""
    source = table.source
    files = source if isinstance(source, str) else source.url or ""
    suffix = PurePosixPath(files).suffix.lower()
    others = not files or suffix in (".csv", ".gz", ".tsv", ".tab", ".txt", ".parquet", ".json", ".jsonl")
    if table.excel.model_fields_set and others:
        yield f"{place}.excel", "is for Excel files, .xlsx or .xlsm; remove it, or correct the source"


def _query_errors(path: str, source: "SourceSettings") -> Errors:
    if source.sql and source.sql.endswith(".sql") and not _SQL_FILE.fullmatch(source.sql):
        yield f"{path}.sql", f"is {source.sql!r}; name a file in the project's folder, such as orders.sql"
    database = source.database or ""
    if database and not (database.startswith("sqlite:///") or _VARIABLE.fullmatch(database)):
        # The message omits the value: it may be a URL with a password.
        yield (
            f"{path}.database",
            "is invalid; write sqlite:///…, or the name of an environment variable, such as CRM_URL, that "
            "holds a postgresql:// URL",
        )


def _url_errors(path: str, text: str) -> Errors:
    if "://" not in text:
        if path.endswith(".url") and text:
            yield path, f"is {text!r}; write a URL, such as s3://bucket/orders/*.parquet"
        return
    if "::" in text:
        yield path, "chains file systems with `::`, which is not supported"
    elif _SIGNED.search(text):
        yield path, "contains a signature or token; remove it, because addresses are not secret"
    elif may_contain_credentials(text):
        yield (
            path,
            "contains a user name or password; move them to storage_options, as {env: NAME}. Write @ in a "
            "path as %40",
        )


def _secret_errors(path: str, options: Mapping[str, Any]) -> Errors:
    """Options that contain a secret in plain text, or a malformed reference to one."""
    for name, value in options.items():
        if isinstance(value, Mapping):
            if set(value) != {"env"}:
                yield from _secret_errors(f"{path}.{name}", value)
            elif not _VARIABLE.fullmatch(str(value["env"])):
                yield f"{path}.{name}", "has an `env` that is not the name of an environment variable"
        elif (may_name_secret(name) and value not in _NOT_SECRET) or _is_secret_address(value):
            yield f"{path}.{name}", "is a secret; write {env: NAME}, the name of an environment variable"


def _is_secret_address(value: Any) -> bool:
    return isinstance(value, str) and "://" in value and may_contain_credentials(value)
