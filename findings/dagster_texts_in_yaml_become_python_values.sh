#!/usr/bin/env bash
# dagster 1.13.27, Python 3.11 (November 2026)
#
# What one expects: an attribute of a component that is a quoted text in `defs.yaml`, and a `str` in the component, is that
# text; templates are what stands between {{ and }}.
# What happens: each text, also one without {{ }}, is rendered as a native Jinja template, which evaluates what reads like a
# Python literal. '64' arrives as an integer, '1,2' as a tuple and '-999' as a number, so a column named 64 fails the validation of a
# `str`; where the component accepts several types, the value changes silently.
#
#   '64' -> 64, '-999' -> -999, '1,2' -> (1, 2), '1_000' -> 1000, '007' -> '007', 'no' -> 'no'
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dagster==1.13.27
mkdir -p "$folder/shop/defs/columns"
cd "$folder"
touch shop/__init__.py shop/defs/__init__.py
printf '[project]\nname = "shop"\nversion = "0"\n[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "shop"\n' >pyproject.toml
cat >shop/columns.py <<'PYTHON'
from typing import Any

import dagster as dg

found: dict[str, Any] = {}


class Columns(dg.Component, dg.Model, dg.Resolvable):
    names: list[Any]

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        found["names"] = self.names
        return dg.Definitions()
PYTHON
cat >shop/defs/columns/defs.yaml <<'YAML'
type: shop.columns.Columns
attributes:
  names: ['64', '-999', '1,2', '1_000', '007', 'no']
YAML
PYTHONPATH="$folder" "$folder/venv/bin/python" - <<'PYTHON'
from pathlib import Path

import dagster as dg

defs = dg.load_from_defs_folder(path_within_project=Path("shop/defs").absolute())
defs() if callable(defs) else defs
from shop.columns import found

print(found["names"])
assert found["names"] == [64, -999, (1, 2), 1000, "007", "no"], found["names"]
PYTHON
