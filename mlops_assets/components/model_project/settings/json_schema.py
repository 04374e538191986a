"""JSON schema of `defs.yaml`, for editors and other tools that validate YAML."""

import json
import os
from pathlib import Path
from typing import Any

from mlops_assets.components.model_project.settings.project import ProjectSettings
from mlops_assets.stores.system.disk_errors import translated_disk_errors, write_atomically

SCHEMA_FILE = "defs.schema.json"
"""Name of the schema file in the root of a Dagster project."""
COMPONENT = "mlops_assets.ModelProject"

Schema = dict[str, Any]

_TEMPLATE: Schema = {
    "type": "string",
    "pattern": r"\{\{.*\}\}",
    "description": "A Jinja expression that Dagster resolves when it loads the file: `{{ env.NAME }}`.",
}
_TEMPLATE_REFERENCE: Schema = {"$ref": "#/$defs/Template"}
_DAGSTER_KEYS: Schema = {
    "template_vars_module": {"type": "string", "description": "Module that defines template variables."},
    "requirements": {"type": "object", "description": "Environment variables that the file requires."},
    "post_processing": {"type": "object", "description": "Changes that Dagster applies to the definitions."},
}


def declaration_schema() -> Schema:
    """Return the JSON schema of a `defs.yaml` that declares a `ModelProject`.

    The schema covers each field on its own. Rules that compare fields, such as a horizon that only event
    projects have, are checked when Dagster loads the file.
    """
    attributes = ProjectSettings.model_json_schema()
    definitions = {**attributes.pop("$defs"), "ProjectSettings": attributes}
    for definition in definitions.values():
        properties = definition.get("properties", {})
        for name, schema in properties.items():
            properties[name] = _allow_template(_described(schema, definitions))
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": f"defs.yaml of {COMPONENT}",
        "type": "object",
        "properties": {
            "type": {"const": COMPONENT, "description": "The component that the folder declares."},
            "attributes": {"$ref": "#/$defs/ProjectSettings"},
            **_DAGSTER_KEYS,
        },
        "required": ["type", "attributes"],
        "additionalProperties": False,
        "$defs": {"Template": _TEMPLATE, **definitions},
    }


def schema_text() -> str:
    """Return the schema as formatted JSON."""
    return json.dumps(declaration_schema(), indent=2, ensure_ascii=False) + "\n"


def write_schema(root: Path) -> Path:
    """Write the schema into the project root; an older copy is replaced.

    Raises
    ------
    StoreError
        If the disk is full, or `root` can't be written.
    """
    path = root / SCHEMA_FILE
    with translated_disk_errors("the JSON schema", root):
        write_atomically(path, schema_text())
    return path


def schema_reference(root: Path, folder: Path) -> str:
    """Return the schema's path as the `defs.yaml` in `folder` refers to it."""
    return Path(os.path.relpath(root / SCHEMA_FILE, folder)).as_posix()


def _described(schema: Schema, definitions: dict[str, Schema]) -> Schema:
    """Add the description of a group, which pydantic omits where it equals the docstring of the class."""
    group = schema.get("$ref", "").removeprefix("#/$defs/")
    return {"description": definitions[group]["description"], **schema} if group else schema


def _allow_template(schema: Schema) -> Schema:
    """Allow a template in place of a value that is not text; text may hold one already."""
    if schema.get("type") == "string" and "enum" not in schema and "pattern" not in schema:
        return schema
    described: Schema = {key: schema[key] for key in ("description", "default", "title") if key in schema}
    rest = {key: value for key, value in schema.items() if key not in described}
    alternatives = rest["anyOf"] if set(rest) == {"anyOf"} else [rest]
    return {**described, "anyOf": [*alternatives, _TEMPLATE_REFERENCE]}
