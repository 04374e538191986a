"""The inputs of each column of each relation in a query, from the inside to the outside."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify

from mlops_assets.ml.lineage.column_inputs import Column, ColumnInputs, union

_REFUSED: Sequence[tuple[type[exp.Expr], str]] = (
    (exp.Pivot, "a pivot"),
    (exp.Columns, "columns(…)"),
    (exp.PositionalColumn, "a column by its number"),
)
_CLAUSES = ("where", "group", "having", "qualify", "order", "distinct", "windows", "limit", "offset")


class NotResolvedError(Exception):
    """A construct of which the inputs are not known."""


@dataclass(frozen=True)
class _Relation:
    """The columns of a table or query.

    Attributes
    ----------
    rows
        Columns that decide which rows there are.
    computed
        The inputs of any other column; None if there is none, as of a function that returns rows.
    """

    columns: Mapping[str, ColumnInputs]
    rows: frozenset[Column] = frozenset()
    computed: ColumnInputs | None = None

    def column(self, name: str) -> ColumnInputs | None:
        return self.columns.get(name, self.computed)

    @property
    def values(self) -> ColumnInputs:
        """The inputs of all columns."""
        return union([*self.columns.values(), self.computed or ColumnInputs()])


@dataclass(frozen=True)
class _Names:
    """What a place in a query can refer to: common table expressions, and sources from inside to outside."""

    tables: Mapping[str, _Relation]
    sources: tuple[dict[str, _Relation], ...] = ()
    aliases: Mapping[str, ColumnInputs] = field(default_factory=dict)


def resolve(sql: str, tables: Mapping[str, Sequence[str]]) -> dict[str, ColumnInputs]:
    """Return the inputs of each output column of a query, by its name in lower case, in order.

    Raises
    ------
    NotResolvedError
        When the query has a construct that is not understood.
    sqlglot.errors.SqlglotError
        When sqlglot can't parse it, or can't find a column.
    """
    tree = sqlglot.parse_one(sql, read="duckdb")
    for kind, what in _REFUSED:
        if tree.find(kind):
            raise NotResolvedError(f"the query has {what}")
    if not isinstance(tree, exp.Query):
        raise NotResolvedError("the text is not a query")
    if any(len({name.lower() for name in columns}) < len(columns) for columns in tables.values()):
        raise NotResolvedError("names of columns differ in the case of letters only")
    schema: dict[str, object] = {
        table.lower(): {name.lower(): "unknown" for name in columns} for table, columns in tables.items()
    }
    qualified = qualify(tree, schema=schema, dialect="duckdb", quote_identifiers=False)
    known = {
        table.lower(): _Relation({name.lower(): ColumnInputs(frozenset({(table, name)})) for name in columns})
        for table, columns in tables.items()
    }
    found = _query(qualified, _Names(known))
    return {name: replace(one, indirect=one.indirect | found.rows) for name, one in found.columns.items()}


def _query(node: exp.Expr, names: _Names) -> _Relation:
    """The columns of a query, with those of its common table expressions."""
    if isinstance(node, exp.Subquery):
        inner = _query(node.this, _with_ctes(node, names))
        return _restricted(node, inner, names)
    if not isinstance(node, exp.Select | exp.SetOperation):
        raise NotResolvedError(f"the query has {type(node).__name__.upper()}")
    names = _with_ctes(node, names)
    return _select(node, names) if isinstance(node, exp.Select) else _set_operation(node, names)


def _with_ctes(node: exp.Expr, names: _Names) -> _Names:
    with_ = node.args.get("with_")
    if with_ is None:
        return names
    tables = dict(names.tables)
    for cte in with_.expressions:
        name, inner = cte.alias, replace(names, tables=tables)
        if with_.args.get("recursive") and isinstance(cte.this, exp.SetOperation):
            found = _renamed(_query(cte.this.left, inner), cte)
            while True:  # each round adds inputs, of which there are finitely many
                again = _renamed(_query(cte.this, replace(names, tables={**tables, name: found})), cte)
                merged = _merged(found, again)
                if merged == found:
                    break
                found = merged
        else:
            found = _renamed(_query(cte.this, inner), cte)
        tables[name] = found
    return replace(names, tables=tables)


def _select(node: exp.Select, names: _Names) -> _Relation:
    sources: dict[str, _Relation] = {}
    inner = replace(names, sources=(sources, *names.sources), aliases={})
    rows: list[ColumnInputs] = []
    from_ = node.args.get("from_")
    if from_:
        rows += _source(from_.this, sources, inner)
    for join in node.args.get("joins") or ():
        rows += _join(join, sources, inner)
    for lateral in node.args.get("laterals") or ():
        rows += _source(lateral, sources, inner)
    columns: dict[str, ColumnInputs] = {}
    for place, item in enumerate(node.expressions):
        if isinstance(item, exp.Star) or (item.find(exp.Star) and not item.find(exp.Count)):
            raise NotResolvedError(f"`{item.sql('duckdb')}` is not expanded")
        value = _inputs(item, inner)
        if item.find(exp.Explode, exp.Posexplode, exp.Unnest):
            rows.append(value)
        name = item.alias_or_name or f"_col_{place}"
        columns[name if name not in columns else f"{name}:{place}"] = value
    with_aliases = replace(inner, aliases=columns)
    group = node.args.get("group")
    if group is not None and group.args.get("all"):
        rows += [_inputs(item, inner) for item in node.expressions if not item.find(exp.AggFunc)]
    if node.args.get("distinct") is not None:
        rows += columns.values()
    for clause in _CLAUSES:
        rows += [_inputs(one, with_aliases) for one in _listed(node.args.get(clause))]
    return _Relation(columns, union([*rows, *(ColumnInputs(one.rows) for one in sources.values())]).all)


def _set_operation(node: exp.SetOperation, names: _Names) -> _Relation:
    left, right = _query(node.left, names), _query(node.right, names)
    if node.args.get("by_name"):
        columns = {
            name: union([side.columns[name] for side in (left, right) if name in side.columns])
            for name in dict.fromkeys([*left.columns, *right.columns])
        }
    elif len(left.columns) == len(right.columns):
        pairs = zip(left.columns.items(), right.columns.values(), strict=True)
        columns = {name: one | other for (name, one), other in pairs}
    else:
        raise NotResolvedError("the sides of a set operation have different numbers of columns")
    rows = left.rows | right.rows
    if node.args.get("distinct") or not isinstance(node, exp.Union):
        rows |= left.values.all | right.values.all
    return _restricted(node, _Relation(columns, rows), names)


def _restricted(node: exp.Expr, found: _Relation, names: _Names) -> _Relation:
    """A query with the order and limit around it."""
    inner = replace(names, sources=({"": found}, *names.sources), aliases=found.columns)
    clauses = [
        _inputs(one, inner)
        for clause in ("order", "limit", "offset")
        for one in _listed(node.args.get(clause))
    ]
    return replace(found, rows=found.rows | union(clauses).all)


def _join(join: exp.Join, sources: dict[str, _Relation], names: _Names) -> list[ColumnInputs]:
    if str(join.args.get("method") or "").upper() in ("NATURAL", "POSITIONAL") or join.args.get("using"):
        raise NotResolvedError(f"`{join.sql('duckdb')}` is not resolved")
    found = _source(join.this, sources, names)
    return found + [_inputs(one, names) for one in _listed(join.args.get("on"))]


def _source(node: exp.Expr, sources: dict[str, _Relation], names: _Names) -> list[ColumnInputs]:
    """Add an item of FROM to the sources; return what else its rows depend on."""
    alias = node.alias_or_name
    rows: list[ColumnInputs] = []
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
        if node.args.get("db") or node.name not in names.tables:
            raise NotResolvedError(f"{node.name} is not a table of the project")
        found = names.tables[node.name]
    elif isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query):
        found = _query(node, replace(names, aliases={}))
    elif isinstance(node, exp.Subquery):
        rows += _source(node.this, sources, names)
        found = None
    elif isinstance(node, exp.Lateral) and isinstance(node.this, exp.Subquery):
        found = _query(node.this, replace(names, aliases={}))
    elif isinstance(node, exp.Values):
        found = _Relation({}, computed=_inputs_of_all(node.expressions, names))
    elif isinstance(node, exp.Table | exp.Unnest | exp.Lateral):
        of = node.expressions if isinstance(node, exp.Unnest) else [node.this]
        value = _inputs_of_all(of, names)
        found = _Relation({}, rows=value.all, computed=value)
    else:
        raise NotResolvedError(f"the query reads {type(node).__name__.upper()}")
    if found is not None:
        if not alias or alias in sources:
            raise NotResolvedError(f"a part of FROM has no name of its own: `{node.sql('duckdb')}`")
        sources[alias] = _renamed(found, node)
    for join in node.args.get("joins") or ():
        rows += _join(join, sources, names)
    return rows


def _renamed(found: _Relation, node: exp.Expr) -> _Relation:
    """A relation with the names of columns behind its alias."""
    alias = node.args.get("alias")
    given = [one.name for one in alias.columns] if isinstance(alias, exp.TableAlias) else []
    if not given or found.computed is not None:
        return found
    values = [*found.columns.items()]
    names = [*given, *(name for name, _ in values[len(given) :])]
    return replace(found, columns=dict(zip(names, (value for _, value in values), strict=True)))


def _inputs_of_all(expressions: Iterable[exp.Expr], names: _Names) -> ColumnInputs:
    return union(_inputs(one, names) for one in expressions)


def _inputs(expression: exp.Expr, names: _Names) -> ColumnInputs:
    """The inputs of an expression; those of a query inside it include its rows."""
    found = ColumnInputs()
    for node in expression.walk(prune=lambda one: isinstance(one, exp.Query | exp.Column)):
        if isinstance(node, exp.Query):
            inner = _query(node, replace(names, aliases={}))
            values = inner.values
            found |= replace(values, indirect=values.indirect | inner.rows)
        elif isinstance(node, exp.Column):
            found |= _column(node, names)
        elif isinstance(node, exp.TableColumn):
            found |= _row(node.name, names)
    return found


def _column(node: exp.Column, names: _Names) -> ColumnInputs:
    if isinstance(node.this, exp.Star):
        raise NotResolvedError(f"`{node.sql('duckdb')}` is not expanded")
    if node.table:
        for sources in names.sources:
            if node.table in sources:
                found = sources[node.table].column(node.name)
                if found is None:
                    break
                return found
        raise NotResolvedError(f"column {node.sql('duckdb')} is not found")
    if node.name in names.aliases:
        return names.aliases[node.name]
    if node.name in _parameters(node):
        return ColumnInputs()
    return _row(node.name, names)


def _row(alias: str, names: _Names) -> ColumnInputs:
    """The inputs of a whole row, which has the name of its source."""
    for sources in names.sources:
        if alias in sources:
            return sources[alias].values
    raise NotResolvedError(f"column {alias} is not found")


def _parameters(node: exp.Expr) -> Iterator[str]:
    """The names of the parameters of the functions around a place, as of `lambda x: x + 1`."""
    while (parent := node.parent) is not None:
        if isinstance(parent, exp.Lambda):
            yield from (one.name for one in parent.expressions)
        elif isinstance(parent, exp.Comprehension):
            yield parent.expression.name
        node = parent


def _listed(found: Any) -> list[exp.Expr]:
    """A clause as expressions: it may be missing, one, or a list."""
    if found is None or found is False or found is True:
        return []
    return list(found) if isinstance(found, list) else [found]


def _merged(one: _Relation, other: _Relation) -> _Relation:
    columns = {name: value | other.columns.get(name, ColumnInputs()) for name, value in one.columns.items()}
    return replace(one, columns=columns, rows=one.rows | other.rows)
