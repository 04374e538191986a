"""Rendering of a project's first files from templates."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from shutil import rmtree
from typing import Any

import duckdb
import yaml

from mlops_assets.core.errors import ProjectError
from mlops_assets.core.sql_quoting import literal, quoted
from mlops_assets.ml.contracts.columns import SqlType
from mlops_assets.ml.families.extras import installed_extras
from mlops_assets.ml.features.sql.functions import KEYWORDS
from mlops_assets.ml.metrics.tasks import metrics_of
from mlops_assets.ml.number_format import share_text
from mlops_assets.ml.wide_queries import MANY_COLUMNS
from mlops_assets.scaffolding.column_profile import ColumnProfile
from mlops_assets.scaffolding.draft import Draft
from mlops_assets.scaffolding.event_draft import EventDraft
from mlops_assets.scaffolding.table_draft import TableDraft

_FILES = {name: f"{name}.j2" for name in ("defs.yaml", "schema.py", "features.sql")}
_EVENT_FILES = {
    "defs.yaml": "event_defs.yaml.j2",
    "schema.py": "schema.py.j2",
    "features.sql": "event_features.sql.j2",
    "target.sql": "event_target.sql.j2",
}
_README = "README.md"
_TYPES: dict[SqlType, str] = {
    "BIGINT": "int",
    "DOUBLE": "float",
    "BOOLEAN": "bool",
    "DATE": "pa.Date",
    "TIMESTAMP": "pa.DateTime",
    "VARCHAR": "str",
}
_WORDS: dict[SqlType, str] = {
    "BIGINT": "integer",
    "DOUBLE": "number",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "VARCHAR": "text",
}
_COUNT = re.compile(r"count\s*\([^()]*\)(\s*filter\s*\(.*\))?", re.IGNORECASE)
_SHOWN_CLASSES = 10
_ROWS_A_VALUE = 5
"""Minimum average number of rows per text for a column to be taken for a closed list of values."""


def write_files(draft: Draft | EventDraft, folder: Path, *, drafted: bool, schema: str = "") -> list[Path]:
    """Write the files of a project into an existing folder.

    Parameters
    ----------
    drafted
        Whether the draft is based on rows; otherwise comments explain what to fill in.
    schema
        Path of the JSON schema, relative to the folder; editors validate `defs.yaml` with it.
    """
    written = []
    for name, template in (_EVENT_FILES if isinstance(draft, EventDraft) else _FILES).items():
        path = folder / name
        path.write_text(_render(template, draft, drafted=drafted, schema=schema), "utf-8")
        written.append(path)
    if drafted:
        path = folder / _README
        path.write_text(_render(f"{_README}.j2", draft, drafted=drafted, schema=schema), "utf-8")
        written.append(path)
    return written


def reject_existing(folder: Path) -> None:
    """Raise if the folder of a project exists.

    Raises
    ------
    ProjectError
        When it does.
    """
    if folder.exists():
        raise ProjectError(f"{folder} already exists", hint="choose another name; nothing was written")


@contextmanager
def new_folder(folder: Path) -> Iterator[None]:
    """Create the folder of a project, which must not exist yet; it is removed if its files are not written.

    Raises
    ------
    ProjectError
        When it exists or cannot be created.
    """
    reject_existing(folder)
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise ProjectError(
            f"{folder} cannot be created: {error}", hint="check the permissions of its parent folder"
        ) from error
    try:
        yield
    except BaseException:  # an interruption, too, leaves nothing behind
        rmtree(folder)
        raise


def _render(template: str, draft: Draft | EventDraft, *, drafted: bool, schema: str) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("mlops_assets.scaffolding", "."),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # YAML, Python and SQL have their own quoting, in the filters
    )
    environment.filters.update(
        yaml=_yaml, sql=_sql_name, literal=literal, one_line=_one_line, cell=_cell, is_count=_is_count
    )
    return environment.get_template(template).render(
        draft=draft,
        drafted=drafted,
        schema=schema,
        families=_families(len(draft.columns)),
        metrics=[name for name in metrics_of(draft.task) if name != draft.metric],
        read=lambda column: _read(draft, column),
        field=lambda column: _field(draft, column),
        feature_field=lambda column: _declared(draft, column, nullable=column.nulls > 0),
        seen=lambda column: _seen(column, hidden=column.name in draft.sensitive),
        one_line=_one_line,
        names=lambda columns: [column.name for column in columns],
        target=draft.target_name if isinstance(draft, EventDraft) else draft.target.name,
        classes=_classes(draft.target) if isinstance(draft, Draft) and draft.task != "regression" else "",
        types=_WORDS,
        values=lambda column: _values(column, hidden=column.name in draft.sensitive),
    )


def _families(columns: int) -> list[str]:
    """Those to search: of many columns without the optional ones, whose trials would take minutes."""
    return ["xgboost", *(installed_extras() if columns <= MANY_COLUMNS else []), "linear"]


def _read(draft: TableDraft, column: ColumnProfile) -> str:
    """A column or part in SQL; a column with its table if DuckDB reads its name alone as a function."""
    if column.name in draft.part_named:
        return draft.part_named[column.name].sql
    name = _sql_name(column.name)
    return f"{_sql_name(draft.table)}.{name}" if column.name.lower() in KEYWORDS else name


def _field(draft: TableDraft, column: ColumnProfile) -> str:
    """The pandera field of a column of the table."""
    name = draft.identifiers[column.name]
    rules: dict[str, Any] = {}
    if column.name != name:
        rules["alias"] = column.name
    listed = _is_closed_list(column) and column.name not in (*draft.hints, *draft.sensitive)
    if column == draft.classes or listed:
        rules["isin"] = [int(value) if column.sql_type == "BIGINT" else value for value in column.values]
    elif column.is_number and column.least and float(column.least) >= 0:
        rules["ge"] = 0
    if column.sql_type == "BOOLEAN":
        rules.pop("isin", None)
    return _declared(draft, column, nullable=column.nulls > 0 and column.name not in draft.required, **rules)


def _declared(draft: TableDraft, column: ColumnProfile, *, nullable: bool, **rules: Any) -> str:
    kind = "float" if column == draft.amount else _TYPES[column.sql_type]
    if nullable:
        rules["nullable"] = True
    written = ", ".join(f"{name}={_python(value)}" for name, value in rules.items())
    return f"{draft.identifiers[column.name]}: {kind}" + (f" = pa.Field({written})" if written else "")


def _python(value: Any) -> str:
    """A value as a Python literal, with texts in double quotes."""
    if isinstance(value, list):
        return f"[{', '.join(map(_python, value))}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _is_closed_list(column: ColumnProfile) -> bool:
    return (
        column.sql_type == "VARCHAR"
        and bool(column.values)
        and column.rows - column.nulls >= _ROWS_A_VALUE * column.distinct
    )


def _seen(column: ColumnProfile, *, hidden: bool) -> str:
    """The values of a column, for a comment."""
    empty = f", {column.nulls:,} of {column.rows:,} empty" if column.nulls else ""
    if not column.distinct:
        return "always empty"
    if column.sql_type == "VARCHAR" or hidden:
        return f"{column.distinct:,} values{empty}"
    return f"{column.least} to {column.greatest}{empty}"


def _classes(target: ColumnProfile) -> str:
    """The classes with their rows, with the positive one of two."""
    known = sum(target.values.values())
    if not known:
        return ""
    rows = {
        value: f"{value} {count:,} rows ({share_text(count / known)})"
        for value, count in target.values.items()
    }
    if len(rows) == 2:
        positive = max(rows, key=float if target.is_number else str)
        return f"{', '.join(rows.values())}; {positive} is the positive class, whose probability is predicted"
    shown = sorted(rows, key=lambda value: -target.values[value])[:_SHOWN_CLASSES]
    more = f", and {len(rows) - len(shown)} others" if len(rows) > len(shown) else ""
    return ", ".join(rows[value] for value in shown) + more


def _values(column: ColumnProfile, *, hidden: bool) -> str:
    """The values of a column, for a table."""
    if column.sql_type in ("VARCHAR", "BOOLEAN") or hidden:
        return f"{column.distinct:,} distinct"
    return f"{column.least} to {column.greatest}" if column.distinct else "none"


def _cell(text: str) -> str:
    """A text in a cell of a Markdown table."""
    return _one_line(text).replace("\\", "\\\\").replace("|", "\\|").replace("*", "\\*").replace("`", "\\`")


def _is_count(expression: str) -> bool:
    """Whether an aggregate is a number of rows, which is never negative."""
    return _COUNT.fullmatch(expression.strip()) is not None


def _one_line(text: str) -> str:
    """A text without line breaks, which would end a comment."""
    return " ".join(text.split())


def _yaml(value: Any) -> str:
    """A value as YAML in one line."""
    plain, quoted_text = _dumped(value), _dumped(value, default_style='"')
    lines = plain.removesuffix("\n").removesuffix("\n...").splitlines()
    return lines[0] if len(lines) == 1 else quoted_text.removesuffix("\n")


def _dumped(value: Any, **style: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6, **style)


def _sql_name(name: str) -> str:
    """A name in SQL, with quotes if required."""
    plain = name.isascii() and name.isidentifier() and name == name.lower() and name not in _keywords()
    return name if plain else quoted(name)


@cache
def _keywords() -> frozenset[str]:
    """Keywords that require quotes as names."""
    query = "select keyword_name from duckdb_keywords() where keyword_category != 'unreserved'"
    with duckdb.connect() as connection:
        found = connection.execute(query).fetchall()
    return frozenset([*(name for (name,) in found), *KEYWORDS])
