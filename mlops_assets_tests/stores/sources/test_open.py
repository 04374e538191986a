"""Opening a source: each kind of declaration has its class, and extracts are removed at the end."""

from typing import Any

import pytest

from mlops_assets.stores.sources.base import Ingestion, scratch_folder
from mlops_assets.stores.sources.file_source import FileSource
from mlops_assets.stores.sources.open import open_source
from mlops_assets.stores.sources.query_source import QuerySource
from mlops_assets.stores.sources.table_source import TableSource

SQL = {"sql": "select 1 as a;", "database": "sqlite:///crm.db", "file": "orders.sql"}


@pytest.mark.parametrize(
    ("declared", "kind", "display_name"),
    [
        ("data/*.csv", FileSource, "{root}/data/*.csv"),
        ("memory://bucket/a.csv", FileSource, "memory://bucket/a.csv"),
        ({"url": "memory://bucket/a.csv"}, FileSource, "memory://bucket/a.csv"),
        (SQL, QuerySource, "sqlite:///crm.db"),
        ({"asset": "other/scores"}, TableSource, "the table of other/scores"),
    ],
)
def test_a_declaration_opens_a_source_of_its_kind(
    warehouse, tmp_path, declared: Any, kind: type, display_name: str
):
    ingestion = Ingestion("shop", "orders")
    with open_source(declared, ingestion, root=tmp_path, warehouse=warehouse) as source:
        assert type(source) is kind
        assert source.display_name == display_name.format(root=tmp_path)


def test_the_scratch_folder_of_a_query_is_removed_at_the_end(warehouse, tmp_path):
    with open_source(SQL, Ingestion("shop", "orders"), root=tmp_path, warehouse=warehouse) as source:
        assert source.query == "select 1 as a"
        assert len([*(scratch_folder(warehouse) / "_staging").glob("*/")]) == 1
    assert [*(scratch_folder(warehouse) / "_staging").glob("*/")] == []
