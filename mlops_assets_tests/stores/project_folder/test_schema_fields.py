"""Sensitive fields are found without importing `schema.py`, and other metadata with this key is rejected."""

import pytest

from mlops_assets.components.model_project.project.declared_tables import declared_contract
from mlops_assets.core.errors import ProjectError
from mlops_assets.stores.project_folder.schema_fields import sensitive_fields
from mlops_assets_tests.support.loans import SCHEMA

TEXT = """
import pandera.pandas as pa

class Person(pa.DataFrameModel):
    email: str = pa.Field(metadata={"sensitive": True, "owner": "crm"})
    age: int = pa.Field(ge=0, metadata={"sensitive": False})

class Clients(Person):
    born: pa.DateTime = pa.Field(alias="Date of birth", metadata={"sensitive": True})
    code: str = pa.Field(metadata=SHARED)
    size: float
"""


def test_fields_are_found_with_alias_and_inheritance():
    assert sensitive_fields(TEXT) == {
        "Person": frozenset({"email"}),
        "Clients": frozenset({"email", "Date of birth"}),
    }


def test_declarations_of_schema_and_defs_add_up(make_project):
    schema = SCHEMA.replace(
        "    purpose: str = pa.Field(", '    purpose: str = pa.Field(metadata={"sensitive": 1}, '
    )
    project = make_project(schema=schema, tables={"loans": {"source": "data/*.csv", "sensitive": ["income"]}})
    assert project.sensitive == {"purpose", "income"}
    columns = declared_contract(project, "loans").columns
    assert [column.name for column in columns if column.sensitive] == ["income", "purpose"]


def test_metadata_that_is_computed_is_rejected(make_project):
    schema = SCHEMA.replace('isin=["car"', 'metadata=dict(sensitive=True), isin=["car"', 1)
    project = make_project(schema=schema)
    with pytest.raises(ProjectError, match="loans: the metadata that makes purpose sensitive is computed"):
        declared_contract(project, "loans")


def test_an_unknown_column_is_rejected(make_project):
    project = make_project(tables={"loans": {"source": "data/*.csv", "sensitive": ["purpse"]}})
    with pytest.raises(ProjectError, match=r"sensitive names purpse, which is not a column.*purpose"):
        declared_contract(project, "loans")
