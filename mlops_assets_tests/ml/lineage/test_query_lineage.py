"""Column lineage of queries: known answers, and changes of input columns that DuckDB's results follow."""

import random
from collections import Counter

import duckdb
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mlops_assets.ml.lineage.query_lineage import QueryLineage, query_lineage

TABLES = {
    "t": {"a": "integer", "b": "integer", "c": "integer", "l": "integer[]", "s": "struct(x integer)"},
    "u": {"a": "integer", "d": "integer"},
}
ROWS = 12


def lineage(sql: str) -> QueryLineage:
    with duckdb.connect() as connection:
        create(connection)
        outputs = connection.sql(sql.replace("$as_of", "3")).columns
    return query_lineage(sql, {name: list(columns) for name, columns in TABLES.items()}, outputs)


def create(connection: duckdb.DuckDBPyConnection) -> None:
    for name, columns in TABLES.items():
        declared = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        connection.execute(f"create table {name} ({declared})")


def shown(sql: str) -> dict[str, tuple[str, str]]:
    """Direct and indirect inputs by output column, as text."""
    found = lineage(sql)
    assert not found.not_resolved
    return {
        name: tuple(
            " ".join(sorted(".".join(one) for one in side)) for side in (inputs.direct, inputs.indirect)
        )
        for name, inputs in found.columns.items()
    }


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select a + b as x from t where c > $as_of", {"x": ("t.a t.b", "t.c")}),
        ("from t select a", {"a": ("t.a", "")}),
        ("select * exclude (a, l, s) from t", {"b": ("t.b", ""), "c": ("t.c", "")}),
        ("select * replace (a + b as a) from (select a, b from t)", {"a": ("t.a t.b", ""), "b": ("t.b", "")}),
        ("select a + 1 as b, b as k from t", {"b": ("t.a", ""), "k": ("t.b", "")}),  # the column comes first
        ("select a + 1 as y, y * 2 as z from t", {"y": ("t.a", ""), "z": ("t.a", "")}),
        ("select count(*) as n from t group by a", {"n": ("", "t.a")}),
        ("select sum(b) filter (c > 1) as f from t group by all having f > 1", {"f": ("t.b t.c", "t.b t.c")}),
        (
            "select a, rank() over (partition by b order by c) as n from t qualify n = 1",
            {"a": ("t.a", "t.b t.c"), "n": ("t.b t.c", "t.b t.c")},
        ),
        (
            "select t.a, d from t asof join u on t.b = u.a and t.c >= u.d",
            {"a": ("t.a", "t.b t.c u.a u.d"), "d": ("u.d", "t.b t.c u.a u.d")},
        ),
        ("select b, d from t left join u using (a)", {"b": ("t.b", "t.a u.a"), "d": ("u.d", "t.a u.a")}),
        ("select list_transform(l, lambda x: x + a) as z from t", {"z": ("t.a t.l", "")}),
        ("select [x + b for x in l if x > a] as z from t", {"z": ("t.a t.b t.l", "")}),
        ("select s.x from t", {"x": ("t.s", "")}),
        ("select unnest(l) as x, b from t", {"x": ("t.l", "t.l"), "b": ("t.b", "t.l")}),
        (
            "select b, (select max(d) from u where u.a = t.a) as m from t",
            {"b": ("t.b", ""), "m": ("u.d", "t.a u.a")},
        ),
        (
            "with w as (select a, sum(b) as b from t where c > 1 group by a) select b from w",
            {"b": ("t.b", "t.a t.c")},
        ),
        (
            "with recursive r as (select a, b from t union all select a + b, b from r where a < 9) "
            "select a from r",
            {"a": ("t.a t.b", "t.a t.b")},
        ),
        (
            "select a, b from t union all by name select d as b, a from u",
            {"a": ("t.a u.a", ""), "b": ("t.b u.d", "")},
        ),
        ("select a from t union select d from u", {"a": ("t.a u.d", "t.a u.d")}),
        ("select a from t where exists (select 1 from u where u.d = t.b)", {"a": ("t.a", "t.b u.d")}),
        ('select A as "Ä", b from T', {"Ä": ("t.a", ""), "b": ("t.b", "")}),
        ("select distinct a, b from t", {"a": ("t.a", "t.a t.b"), "b": ("t.b", "t.a t.b")}),
        ("select v.x, g.i from (select a as x from t) v, range(3) g(i)", {"x": ("t.a", ""), "i": ("", "")}),
        ("select t from (select a, b from t) t", {"t": ("t.a t.b", "")}),
    ],
)
def test_the_inputs_of_a_query_are_known(sql, expected):
    assert shown(sql) == expected


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("select columns('a|b') from t", "columns(…)"),
        ("from (pivot t on a in (1, 2) using sum(b) group by c)", "a pivot"),
        ("select #1 from t", "a column by its number"),
        ("select s.* from t", "`t.s.*` is not expanded"),
        ("select t.b from t positional join u", "positional"),
    ],
)
def test_a_query_that_is_not_understood_says_so(sql, reason):
    found = lineage(sql)
    assert not found.columns
    assert reason in found.not_resolved.lower()


# Generated queries. `weighted` expressions change whenever one of their columns does, up to coincidences.

_names = st.sampled_from(["a", "b", "x", "y"])
_numbers = st.integers(1, 9)


@st.composite
def _expression(draw: st.DrawFn, columns: list[str], depth: int = 2) -> str:
    column = draw(st.sampled_from(columns))
    if depth == 0:
        return column
    inner = draw(_expression(columns, depth - 1))
    return draw(
        st.sampled_from(
            [
                column,
                f"({column} * {draw(_numbers)} + {inner})",
                f"case when {column} % 2 = 0 then {inner} else {column} end",
                f"coalesce(nullif({column}, {draw(_numbers)}), {inner})",
            ]
        )
    )


@st.composite
def _query(draw: st.DrawFn, depth: int = 2) -> tuple[str, list[str]]:
    """A query and its columns; its rows do not depend on the order in which it reads them."""
    kind = draw(st.sampled_from(["table", "select", "select", "join", "group", "window", "set", "with"]))
    if depth == 0 or kind == "table":
        return draw(
            st.sampled_from(
                [
                    ("select a, b from t", ["a", "b"]),
                    ("select a, d as b from u", ["a", "b"]),
                    ("select * exclude (l, s) from t", ["a", "b", "c"]),
                ]
            )
        )
    inner, columns = draw(_query(depth - 1))
    first, second = draw(_names), draw(_names)
    assume(first != second)
    one, other = draw(_expression(columns)), draw(_expression(columns))
    condition = f"{draw(st.sampled_from(columns))} % {draw(st.integers(2, 3))} < {draw(st.integers(1, 2))}"
    if kind == "join":
        right, theirs = draw(_query(depth - 1))
        on = f"l.{draw(st.sampled_from(columns))} = r.{draw(st.sampled_from(theirs))}"
        join = draw(st.sampled_from(["join", "left join", "semi join", "anti join"]))
        taken = f"r.{draw(st.sampled_from(theirs))}" if join in ("join", "left join") else f"l.{columns[0]}"
        return (
            f"select l.{draw(st.sampled_from(columns))} as {first}, {taken} as {second} "
            f"from ({inner}) l {join} ({right}) r on {on}",
            [first, second],
        )
    if kind == "group":
        having = draw(st.sampled_from(["", f" having {second} > 20", f" having max({columns[-1]}) > 10"]))
        by = draw(st.sampled_from([f"group by {one}", "group by all", "group by 1"]))
        return f"select {one} as {first}, sum({other}) as {second} from ({inner}) {by}{having}", [
            first,
            second,
        ]
    if kind == "window":
        over = f"over (partition by {columns[0]} % 3 order by {columns[-1]})"
        qualify = draw(st.sampled_from(["", f" qualify {second} > 2", f" qualify rank() {over} = 1"]))
        value = draw(st.sampled_from([f"rank() {over}", f"sum({other}) {over}"]))
        return f"select {one} as {first}, {value} as {second} from ({inner}) where {condition}{qualify}", [
            first,
            second,
        ]
    if kind == "set":
        right, theirs = draw(_query(depth - 1))
        word = draw(st.sampled_from(["union all", "union", "except", "intersect", "union all by name"]))
        return (
            f"select {columns[0]}, {columns[1]} from ({inner}) {word} "
            f"select {theirs[0]}, {theirs[1]} from ({right})",
            (
                list(dict.fromkeys([columns[0], columns[1], theirs[0], theirs[1]]))
                if "name" in word
                else columns[:2]
            ),
        )
    if kind == "with":
        name = draw(st.sampled_from(["w", "t", "u"]))  # its own name hides a table from here on
        return (
            f"with {name} as ({inner}) "
            f"select {one} as {first}, {other} as {second} from {name} where {condition}",
            [first, second],
        )
    where = draw(st.sampled_from(["", f" where {condition}", f" where {first} % 2 = 0 and {condition}"]))
    return f"select {one} as {first}, {other} as {second} from ({inner}){where}", [first, second]


def fill(connection: duckdb.DuckDBPyConnection, seed: int, changed: tuple[str, str] | None = None) -> None:
    """Fill the tables with values by seed; `changed` has others."""
    for name, columns in TABLES.items():
        rows = []
        for place in range(ROWS):
            values = []
            for column, kind in columns.items():
                other = 1 if changed == (name, column) else 0
                number = random.Random(f"{seed} {name} {column} {place} {other}").randrange(-9, 10)
                values.append({"integer": number, "integer[]": [number]}.get(kind, {"x": number}))
            rows.append(values)
        connection.execute(f"delete from {name}")
        connection.executemany(f"insert into {name} values ({', '.join('?' * len(columns))})", rows)


def result(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, Counter]:
    """The values of each output column, in any order."""
    found = connection.sql(sql)
    rows = found.fetchall()
    return {name: Counter(row[place] for row in rows) for place, name in enumerate(found.columns)}


@given(_query(), st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_a_column_without_influence_changes_no_output_that_does_not_name_it(query, seed):
    sql = query[0]
    with duckdb.connect() as connection:
        create(connection)
        try:
            outputs = connection.sql(sql).columns
        except duckdb.BinderException:  # such as a column that is not in `group by`
            assume(False)
        assume(len(set(outputs)) == len(outputs))
        found = query_lineage(sql, {name: list(columns) for name, columns in TABLES.items()}, outputs)
        assert not found.not_resolved, sql
        fill(connection, seed)
        before = result(connection, sql)
        for column in [("t", "a"), ("t", "b"), ("t", "c"), ("u", "a"), ("u", "d")]:
            fill(connection, seed, column)
            after = result(connection, sql)
            for name in outputs:
                if column not in found.columns[name].all:
                    assert after[name] == before[name], (sql, column, name)
