"""Sensitive columns are no features unless they are allowed, and row IDs do not reveal sensitive keys."""

import hmac
from collections.abc import Iterator
from types import SimpleNamespace

import duckdb
import pandas as pd
import pytest

from mlops_assets.components.model_project.assets.event_features import _identified
from mlops_assets.components.model_project.assets.sensitive_features import (
    reject_copied_columns,
    reject_sensitive_features,
)
from mlops_assets.core.errors import ProjectError
from mlops_assets.stores.system.row_id_key import row_id_key


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


TABLES = {"loans": {"source": "data/*.csv", "sensitive": ["purpose"]}}


def test_a_sensitive_feature_is_rejected_unless_it_is_allowed(make_project):
    with pytest.raises(
        ProjectError, match=r"sensitive column purpose, .*\n.*sensitive_features: \[purpose\]"
    ):
        reject_sensitive_features(make_project(tables=TABLES), ["row_id", "share", "purpose"])
    allowed = make_project(tables=TABLES, sensitive_features=["purpose"])
    reject_sensitive_features(allowed, ["row_id", "share", "purpose"])


def test_another_spelling_of_a_sensitive_column_is_rejected_because_its_values_would_be_shown(make_project):
    allowed = make_project(tables=TABLES, sensitive_features=["purpose"])
    for project in (make_project(tables=TABLES), allowed):
        with pytest.raises(ProjectError, match=r"column Purpose, .*\n.*return it as purpose and allow it"):
            reject_sensitive_features(project, ["row_id", "Purpose"])


def test_a_copy_of_a_sensitive_column_is_rejected(make_project, connection):
    valid = connection.from_df(pd.DataFrame({"row_id": [1, 2], "purpose": ["car", "house"]}))
    written = valid.project("row_id, purpose as what, length(purpose) as size")
    with pytest.raises(ProjectError, match="the feature what is a copy of the sensitive column purpose"):
        reject_copied_columns(make_project(tables=TABLES), valid, written)
    reject_copied_columns(make_project(tables=TABLES), valid, written.project("row_id, size"))


def test_row_ids_of_sensitive_entities_are_keyed(warehouse, connection):
    rows = connection.from_df(pd.DataFrame({"client": ["ann@x.org"], "visits": [3]}))
    found = []
    for sensitive in (frozenset(), frozenset({"client"})):
        project = SimpleNamespace(settings=SimpleNamespace(entity=["client"]), sensitive=sensitive)
        [row] = _identified(project, warehouse, "2025-01", rows).df().to_dict("records")
        found.append(row["row_id"] >> 14)
    digest = hmac.new(row_id_key(warehouse.root), b"2025-01\x1fann@x.org", "sha256").hexdigest()
    assert found[0] != found[1] == int(digest[:12], 16)
