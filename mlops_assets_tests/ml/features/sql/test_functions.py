"""Every function of DuckDB's catalog has a class, and only those of two classes can be called."""

import itertools
from collections import Counter
from functools import cache

import duckdb
import pytest

from mlops_assets.core.sql_quoting import quoted
from mlops_assets.ml.features.sql.function_classes import (
    LISTED,
    FunctionClass,
    function_class,
    table_function_class,
)
from mlops_assets.ml.features.sql.functions import is_order_dependent
from mlops_assets.ml.features.sql.rules import find_violation

ALLOWED = (FunctionClass.PURE, FunctionClass.ORDERED)
SALES = frozenset({"sales"})


@cache
def functions(*kinds):
    """The names of the functions of these types, and the largest number of their parameters."""
    with duckdb.connect() as connection:
        return dict(
            connection.execute(
                "select lower(function_name), max(len(parameters)) from duckdb_functions() "
                "where list_contains($1, function_type) group by all order by all",
                [list(kinds)],
            ).fetchall()
        )


def expressions():
    return functions("scalar", "aggregate", "macro", "window")


def in_from():
    return functions("table", "table_macro")


def test_every_type_of_function_is_one_that_the_classes_know():
    with duckdb.connect() as connection:
        found = connection.execute("select distinct function_type from duckdb_functions()").fetchall()
    known = {"scalar", "aggregate", "macro", "window", "table", "table_macro", "pragma"}
    assert {kind for [kind] in found} == known


def test_every_function_of_the_catalog_has_a_class():
    without = [name for name in expressions() if function_class(name) is None]
    without += [name for name in in_from() if table_function_class(name) is None]
    assert not without, "read their documentation, and add them to sql_function_classes.py"


def test_the_lists_name_functions_of_the_catalog_once():
    names = Counter(name for kind in LISTED for names in kind.values() for name in names)
    both = set(expressions()) & set(in_from()) | {"unnest"}
    assert not {name for name, times in names.items() if times > 1} - both
    assert not set(names) - set(expressions()) - set(in_from())


def test_a_call_of_any_function_of_another_class_is_rejected():
    rejected = {name: function_class(name) for name in expressions() if function_class(name) not in ALLOWED}
    assert len(rejected) > 130
    for name, kind in rejected.items():
        for call in (name, f"main.{quoted(name)}") if name.isidentifier() else ():
            arguments = ", ".join(["1"] * expressions()[name])
            found = find_violation(f"select {call}({arguments}) from sales", SALES)
            assert found, name
            assert found.problem.startswith(f"{name} is not allowed: "), name
            assert found.problem.endswith(f" (class {kind})"), name


def test_a_call_of_any_function_in_from_of_another_class_is_rejected():
    rejected = {name: kind for name in in_from() if (kind := table_function_class(name)) not in ALLOWED}
    assert len(rejected) > 90
    for name, kind in rejected.items():
        for sql in (f"from {name}('x')", f"select * from sales, lateral (from {quoted(name)}('x'))"):
            found = find_violation(sql, SALES)
            assert found, name
            assert found.problem.endswith(f" (class {kind})"), name
        if function_class(name) is None:
            assert find_violation(f"select {name}('x') from sales", SALES), name


def test_no_function_is_called_without_brackets():
    for name in {*expressions(), *in_from(), *functions("pragma")}:
        assert find_violation(f"from {quoted(name)}", SALES), name


@pytest.mark.parametrize("form", ["select {}", 'select "{}"'])
def test_every_name_that_is_a_function_without_brackets_is_rejected(form):
    found = set()
    with duckdb.connect() as connection:
        keywords = connection.execute("select keyword_name from duckdb_keywords()").fetchall()
        for name in sorted({*expressions(), *(name for [name] in keywords)} - {"true", "false", "null"}):
            try:
                connection.execute(form.format(name))
            except duckdb.Error:
                continue
            found.add(name)
            assert find_violation(form.format(name), SALES) or name == "user", name
    assert {"current_date", "current_user", "user"} <= found


def test_a_statement_of_a_pragma_is_no_query():
    for name in functions("pragma"):
        with pytest.raises(ValueError, match=r"Only SELECT statements|syntax error"):
            find_violation(f"pragma {name}('x')", SALES)


def test_what_duckdb_does_not_label_consistent_is_not_allowed():
    with duckdb.connect() as connection:
        labelled = connection.execute(
            "select distinct function_name from duckdb_functions() where stability <> 'CONSISTENT'"
        ).fetchall()
    assert len(labelled) > 25
    assert [name for [name] in labelled if function_class(name) in ALLOWED] == ["error"]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_an_allowed_function_without_arguments_has_the_same_result_in_another_session(zone):
    names = [name for name in expressions() if function_class(name) in ALLOWED and name != "error"]
    with duckdb.connect() as connection, duckdb.connect() as other:
        other.execute(f"set TimeZone = '{zone}'; create schema z; use z")
        for name in names:
            results = []
            for session in (connection, other):
                try:
                    results.append(session.sql(f"select {quoted(name)}()").fetchall())
                except duckdb.Error:
                    results.append(None)
            assert results[0] == results[1], name


def test_an_aggregate_whose_result_depends_on_the_order_of_the_rows_is_listed():
    with duckdb.connect() as connection:
        connection.execute("set threads = 1")
        connection.execute(
            "create table forth as select (i * 7919) % 101 as n, 'k' || (i * 31) % 17 as s, i % 5 as g "
            "from range(3000) t(i)"
        )
        connection.execute("create table back as from forth order by hash(n, s)")
        names = connection.sql(
            "select distinct function_name from duckdb_functions() "
            "where function_type = 'aggregate' and len(parameters) = 1"
        ).fetchall()
        for [name], column in itertools.product(names, ("n", "s")):
            call = f'"{name}"({column})'
            try:
                found = [
                    connection.sql(f"select g, {call} from {table} group by g order by g").fetchall()
                    for table in ("forth", "back")
                ]
            except duckdb.Error:
                continue
            if any(isinstance(value, float) for _, value in found[0]):
                continue  # sums of floating-point numbers differ in their last digits
            assert found[0] == found[1] or is_order_dependent(name), name
