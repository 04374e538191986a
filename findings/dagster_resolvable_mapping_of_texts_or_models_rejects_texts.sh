#!/usr/bin/env bash
# dagster 1.13.27, Python 3.11 (November 2026)
#
# What one expects: a field `dict[str, str | Format]` of a component accepts texts and mappings as values, as the field
# `str | Format` does, and as pydantic reads the same annotation.
# What happens: if Format is a `dg.Resolvable`, the model that Dagster derives has the type `dict[str, FormatModel] | str`. A
# mapping with a text is rejected; only `str | Format` outside of a mapping, and a Format that is a plain pydantic model, work:
#
#   one: text                        accepted
#   several: {a: {unit: km}}         accepted
#   several: {a: text}               rejected
#   plain: {a: text, b: {unit: km}}  accepted
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dagster==1.13.27
"$folder/venv/bin/python" - <<'PYTHON'
import dagster as dg
from pydantic import ValidationError


class Format(dg.Model, dg.Resolvable):
    unit: str


class PlainFormat(dg.Model):
    unit: str


class Table(dg.Model, dg.Resolvable):
    one: str | Format = ""
    several: dict[str, str | Format] = {}
    plain: dict[str, str | PlainFormat] = {}


def accepted(**given) -> bool:
    try:
        Table.model()(**given)
    except ValidationError as error:
        print(given, "->", error.errors()[0]["msg"])
        return False
    print(given, "-> accepted")
    return True


print("dagster", dg.__version__)
assert accepted(one="text")
assert accepted(several={"a": {"unit": "km"}})
assert not accepted(several={"a": "text"})
assert accepted(plain={"a": "text", "b": {"unit": "km"}})
assert Table(several={"a": "text"}).several == {"a": "text"}  # pydantic reads the annotation as it is
PYTHON
