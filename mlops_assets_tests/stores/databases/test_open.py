"""Resolving databases: SQLite by path, others by the URL in an environment variable."""

from pathlib import Path

import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.stores.databases.open import resolve_database
from mlops_assets.stores.databases.postgres import PostgresDatabase
from mlops_assets.stores.databases.sqlite import SqliteDatabase


@pytest.mark.parametrize(
    ("declared", "path"),
    [("sqlite:///data/crm.db", "/root/data/crm.db"), ("sqlite:////srv/crm.db", "/srv/crm.db")],
)
def test_a_path_of_sqlite_is_relative_to_the_root_or_absolute(declared: str, path: str):
    assert resolve_database(declared, Path("/root"), subject="crm") == SqliteDatabase(Path(path), declared)


@pytest.mark.parametrize("protocol", ["postgres", "postgresql"])
def test_a_url_in_a_variable_is_displayed_by_the_name_of_the_variable(monkeypatch, protocol: str):
    monkeypatch.setenv("CRM_URL", f"{protocol}://reader:hunter2@host/crm")
    database = resolve_database("CRM_URL", Path("/root"), subject="crm")
    assert isinstance(database, PostgresDatabase)
    assert database.display_name == "the database in $CRM_URL"
    assert "hunter2" not in repr(database)


def test_a_variable_may_contain_a_path_of_sqlite(monkeypatch):
    monkeypatch.setenv("CRM_URL", "sqlite:///crm.db")
    found = resolve_database("CRM_URL", Path("/root"), subject="crm")
    assert found == SqliteDatabase(Path("/root/crm.db"), "the database in $CRM_URL")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            None,
            r"crm: the environment variable CRM_URL with the database URL is not set\n  hint: export CRM",
        ),
        (
            "mysql://u:hunter2@h/d",
            r"crm: the database in \$CRM_URL is not supported\n  hint: use a URL that starts",
        ),
    ],
)
def test_a_missing_or_unsupported_url_is_an_error(monkeypatch, value: str | None, message: str):
    monkeypatch.delenv("CRM_URL", raising=False)
    if value:
        monkeypatch.setenv("CRM_URL", value)
    with pytest.raises(DataError, match=message) as raised:
        resolve_database("CRM_URL", Path("/root"), subject="crm")
    assert "hunter2" not in str(raised.value)
