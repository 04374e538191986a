"""Sensitive fields of `schema.py`, found without importing it: definitions load without pandera."""

import ast
from collections.abc import Iterator


def sensitive_fields(text: str) -> dict[str, frozenset[str]]:
    """Names of the columns with `metadata={"sensitive": True}`, by class; inherited ones included.

    Only metadata that is written literally in the field is found. `ProjectFiles.contract` rejects other
    metadata with this key.

    Parameters
    ----------
    text
        Python code without syntax errors.
    """
    found: dict[str, frozenset[str]] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef):
            bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
            inherited = (found.get(base, frozenset()) for base in bases)
            found[node.name] = frozenset(_sensitive_in(node)).union(*inherited)
    return found


def _sensitive_in(declared: ast.ClassDef) -> Iterator[str]:
    for node in declared.body:
        if not isinstance(node, ast.AnnAssign | ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        arguments = {word.arg: word.value for word in node.value.keywords}
        if not _is_sensitive(arguments.get("metadata")):
            continue
        alias = arguments.get("alias")
        targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
        for target in targets:
            if isinstance(alias, ast.Constant) and isinstance(alias.value, str):
                yield alias.value
            elif isinstance(target, ast.Name):
                yield target.id


def _is_sensitive(metadata: ast.expr | None) -> bool:
    try:
        value = ast.literal_eval(metadata) if metadata is not None else None
    except ValueError:
        return False
    return isinstance(value, dict) and bool(value.get("sensitive"))
