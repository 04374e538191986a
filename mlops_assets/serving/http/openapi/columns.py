"""JSON schemas of the columns of a contract, and of the outputs of a model."""

import math
from typing import Any

from mlops_assets.ml.contracts.columns import Column, SqlType
from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.contracts.value_rules import ValueRules, value_rules
from mlops_assets.ml.model.model_spec import ModelSpec
from mlops_assets.ml.model.prediction_intervals import LOWER, PREDICTION_SET, UPPER
from mlops_assets.ml.scoring.example_rows import example_columns
from mlops_assets.ml.scoring.input_contract import InputContracts

_TYPES: dict[SqlType, dict[str, str]] = {
    "BIGINT": {"type": "integer", "format": "int64"},
    "DOUBLE": {"type": "number", "format": "double"},
    "BOOLEAN": {"type": "boolean"},
    "TIMESTAMP": {"type": "string", "format": "date-time"},
    "DATE": {"type": "string", "format": "date"},
    "VARCHAR": {"type": "string"},
}
_OUTPUTS: dict[type, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}
_DESCRIPTIONS = {
    LOWER: "lower bound of the prediction interval",
    UPPER: "upper bound of the prediction interval",
    PREDICTION_SET: "the classes of the prediction set, as a JSON list",
}


def input_schema(contracts: InputContracts) -> dict[str, Any]:
    """The schema of a row: types, bounds, allowed values, descriptions and examples of its columns."""
    rules = contracts.features_contract or contracts.contract
    examples = example_columns(contracts.contract, rules, 1)
    columns = contracts.contract.columns
    described = {one.name: one.description for one in rules.columns}
    properties = {
        column.name: {
            **_column_schema(column, rules, described.get(column.name, "")),
            "examples": examples[column.name],
        }
        for column in columns
    }
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    required = [one.name for one in columns if one.required]
    if required:
        schema["required"] = required
    of_rows = [str(check.name or check.error) for check in rules.checks[1]]
    return schema | ({"x-rules": of_rows} if of_rows else {})


def output_schema(spec: ModelSpec) -> dict[str, Any]:
    """The schema of a prediction."""
    properties: dict[str, Any] = {}
    for name, kind in spec.output_types().items():
        properties[name] = {"type": _OUTPUTS[kind]}
        if description := _output_description(spec, name):
            properties[name]["description"] = description
        if name == "prediction" and spec.classes:
            properties[name]["enum"] = list(spec.classes)
        elif name.startswith("probability"):
            properties[name] |= {"minimum": 0, "maximum": 1}
    return {"type": "object", "properties": properties, "required": list(properties)}


def _column_schema(column: Column, rules: Contract, description: str) -> dict[str, Any]:
    found: dict[str, Any] = dict(_TYPES[column.sql_type])
    if column.format:
        found.pop("format", None)
    found |= _stated(value_rules(rules.checks[0].get(column.name, ())), column)
    if _is_nullable(column, rules):
        found["type"] = [found["type"], "null"]
        if "enum" in found:
            found["enum"] = [*found["enum"], None]
    notes = [column.description or description]
    if column.format or column.unit:
        notes.append(f"as text: {column.example}")
    if column.sensitive:
        notes.append("sensitive: never repeated in errors and logs")
    text = "; ".join(note for note in notes if note)
    return found | ({"description": text} if text else {})


def _stated(rules: ValueRules, column: Column) -> dict[str, Any]:
    """The rules as keywords of JSON Schema."""
    found: dict[str, Any] = {}
    number = int if column.sql_type == "BIGINT" else float
    if column.sql_type in ("BIGINT", "DOUBLE"):
        if math.isfinite(rules.low):
            found["exclusiveMinimum" if rules.above_low else "minimum"] = _whole(number, rules.low)
        if math.isfinite(rules.high):
            found["exclusiveMaximum" if rules.below_high else "maximum"] = _whole(number, rules.high)
    if rules.allowed is not None and all(isinstance(one, str | int | float) for one in rules.allowed):
        found["enum"] = list(rules.allowed)
    if rules.pattern is not None:
        found["pattern"] = rules.pattern if rules.pattern.startswith("^") else f"^(?:{rules.pattern})"
    if rules.shortest is not None:
        found["minLength"] = rules.shortest
    if rules.longest is not None:
        found["maxLength"] = rules.longest
    return found


def _whole(number: type, value: float) -> float:
    return int(value) if number is int and value.is_integer() else value


def _is_nullable(column: Column, rules: Contract) -> bool:
    """Whether null is valid: for features, the type of a column says less than their contract."""
    declared = {one.name: one.nullable for one in rules.columns}
    return column.nullable and declared.get(column.name, True)


def _output_description(spec: ModelSpec, name: str) -> str:
    if name == "prediction":
        return (
            f"{spec.target} in its own unit" if spec.task == "regression" else f"the class of {spec.target}"
        )
    if name == "probability":
        return f"probability that {spec.target} is {spec.classes[1]}"
    if name.startswith("probability_"):
        return f"probability that {spec.target} is {name.removeprefix('probability_')}"
    return _DESCRIPTIONS.get(name, "")
