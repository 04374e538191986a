"""Rules for a project's SQL: every way to read or to depend on more than the rows of its tables."""

from datetime import datetime
from functools import cache

import duckdb
import pytest

from mlops_assets.core.errors import ProjectError
from mlops_assets.ml.features.project_query import ProjectQuery
from mlops_assets.ml.features.sql.rules import find_violation

AS_OF = datetime(2024, 4, 1)
SALES = frozenset({"sales"})


@cache
def connected():
    """A connection with a view of another project."""
    connection = duckdb.connect()
    connection.execute("create view other_project as select 42 as secret")
    return connection


@pytest.fixture(scope="module", autouse=True)
def closed():
    yield
    connected.cache_clear()


def run(sql):
    """The rows of a query over two sales."""
    sales = connected().sql(
        "select * from (values (1, 'x', 2.5, timestamp '2024-03-02'), "
        "(2, 'y', 0.5, timestamp '2024-03-30')) v(id, name, price, sold)"
    )
    query = ProjectQuery(sql, "shop: features.sql", timestamps={"as_of": AS_OF})
    return query.run(connected(), {"sales": sales}).fetchall()


def message(sql):
    with pytest.raises(ProjectError) as caught:
        run(sql)
    return str(caught.value)


@pytest.mark.parametrize(
    ("call", "name", "kind"),
    [
        ("now()", "now", "clock"),
        ("NOW ()", "now", "clock"),
        ('"now"()', "now", "clock"),
        ("main.now()", "now", "clock"),
        ("system.main.now()", "now", "clock"),
        ("today()", "today", "clock"),
        ("current_date", "current_date", "clock"),
        ("Current_Timestamp", "current_timestamp", "clock"),
        ('"current_time"', "current_time", "clock"),
        ("localtime", "localtime", "clock"),
        ("localtimestamp", "localtimestamp", "clock"),
        ("get_current_time()", "get_current_time", "clock"),
        ("current_localtimestamp()", "current_localtimestamp", "clock"),
        ("current_localtime()", "current_localtime", "clock"),
        ("transaction_timestamp()", "transaction_timestamp", "clock"),
        ("txid_current()", "txid_current", "settings"),
        ("age(sold)", "age", "clock"),
        ("sold.age()", "age", "clock"),
        ("ago(interval 1 day)", "ago", "clock"),
        ("pg_postmaster_start_time()", "pg_postmaster_start_time", "clock"),
        ("random()", "random", "random"),
        ("1 + random()", "random", "random"),
        ("list_transform([1], lambda x: x + random())", "random", "random"),
        ("case when id = 1 then uuid() end", "uuid", "random"),
        ("coalesce(null, try(gen_random_uuid()))", "gen_random_uuid", "random"),
        ("(select max(now()) from sales)", "now", "clock"),
        ("count(*) filter (sold < now()) over ()", "now", "clock"),
        ("row_number() over (order by random())", "random", "random"),
        ("setseed(0.5)", "setseed", "effect"),
        ("nextval('numbers')", "nextval", "effect"),
        ("currval('numbers')", "currval", "effect"),
        ("getvariable('day')", "getvariable", "settings"),
        ("current_setting('TimeZone')", "current_setting", "settings"),
        ("current_schema()", "current_schema", "settings"),
        ("version()", "version", "settings"),
        ("list_aggregate([1, 2], 'reservoir_quantile', 0.5)", "reservoir_quantile", "random"),
        ("[1, 2].list_aggr('reservoir_quantile', 0.5)", "reservoir_quantile", "random"),
        ("current_user", "current_user", "settings"),
        ('"current_catalog"', "current_catalog", "settings"),
        ("has_table_privilege('x', 'y')", "has_table_privilege", "settings"),
    ],
)
def test_a_function_of_the_clock_the_session_or_chance_is_rejected(call, name, kind):
    found = message(f"select id, {call} as extra from sales")
    assert f"shop: features.sql: {name} is not allowed: " in found
    assert "not deterministic" in found
    assert f"(class {kind}) (line 1)\n  hint: " in found


def test_a_call_of_an_aggregate_names_it_in_a_text():
    sql = "select list_aggregate([1, 2], 'reservoir' || '_quantile', 0.5) from sales"
    assert "list_aggregate calls an aggregate that is not written as a text" in message(sql)
    assert run("select list_aggregate(['a', 'b'], 'string_agg', ', ') from sales")


def test_a_name_that_duckdb_reads_as_a_function_is_qualified_if_it_is_a_column():
    sql = "select {} from (select name as current_user from sales) as t"
    assert "If it is a column, write it with its table: t.current_user" in message(sql.format("current_user"))
    assert run(sql.format("t.current_user")) == [("x",), ("y",)]


@pytest.mark.parametrize(
    "name",
    [
        *("any_value", "arbitrary", "first", "last", "mode", "list", "array_agg", "string_agg", "listagg"),
        *("group_concat", "json_group_array", "json_group_structure", "variant_group_array"),
    ],
)
def test_an_aggregate_that_depends_on_the_order_of_the_rows_requires_an_order(name):
    found = message(f"select {name}(name) from sales")
    assert f"shop: features.sql: {name} depends on the order of the rows (line 1)" in found
    assert f"{name}(x order by y), where y has no ties" in found
    if not name.startswith(("json", "variant")):
        assert run(f"select {name}(name order by id) from sales")


@pytest.mark.parametrize(
    "sql",
    [
        "select id from sales limit 1",
        "select id from sales offset 1",
        "select id from sales limit 50%",
        "select (select id from sales limit 1)",
        "select distinct on (name) id from sales",
        "select row_number() over () from sales",
        "select lag(price) over (partition by name) from sales",
        "select first_value(price) over w from sales window w as (partition by name)",
        "select sum(price) over (rows between 1 preceding and current row) from sales",
        "select list(price) over (partition by name) from sales",
        "select * from sales positional join sales as other",
        "select id from (select id from sales union all select 3 limit 2)",
        "with few as (select id from sales limit 1) select * from few",
    ],
)
def test_a_query_whose_result_depends_on_the_order_of_the_rows_is_rejected(sql):
    assert "depends on the order of the rows" in message(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select id from sales tablesample 10%",
        "select id from sales using sample 1",
        "select id from (select * from sales using sample reservoir(1 rows))",
    ],
)
def test_a_sample_is_rejected(sql):
    assert "a sample of rows is not deterministic" in message(sql)


FILES = "{} is not allowed: it reads data outside the tables of the project, in files (class files)"


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("select * from read_parquet('x.parquet')", "read_parquet"),
        ("select * from 'x.parquet'", "x.parquet"),
        ('select * from "data/x.csv"', "data/x.csv"),
        ('table "data/x.csv"', "data/x.csv"),
        ("select * from sales, lateral (select * from read_csv('x'))", "read_csv"),
        ("select * from glob('*')", "glob"),
        ("select read_text('x')", "read_text"),
        ("select exists (from parquet_metadata('x'))", "parquet_metadata"),
        # The name of a common table expression is a file where the expression can't be read.
        ('select (with "x.csv" as (select 1) select 1), secret from "x.csv"', "x.csv"),
        ('with "x.csv" as (from "x.csv") from "x.csv"', "x.csv"),
        ('with recursive "x.csv" as (from "x.csv" union all from "x.csv") from "x.csv"', "x.csv"),
        ('with a as (from "x.csv"), "x.csv" as (select 1) from a', "x.csv"),
        ('from (with "x.csv" as (select 1) from "x.csv") as t join "x.csv" on true', "x.csv"),
        ('with "\u212a.csv" as (select 1) from "k.csv"', "k.csv"),
    ],
)
def test_files_are_rejected(sql, what):
    assert f"shop: features.sql: {FILES.format(what)}" in message(sql)


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("select * from query('select now()')", "query is not allowed: it reads SQL from a text (class sql)"),
        (
            "select * from query_table('sales')",
            "query_table is not allowed: it reads SQL from a text (class sql)",
        ),
        ("select * from duckdb_tables()", "duckdb_tables is not allowed: it reads data outside the tables"),
        ("select * from duckdb_secrets()", "duckdb_secrets is not allowed: it reads settings"),
    ],
)
def test_a_function_in_from_reads_its_arguments_alone(sql, problem):
    assert f"shop: features.sql: {problem}" in message(sql)


@pytest.mark.parametrize(
    "table",
    [
        *("duckdb_tables", "sqlite_master", "pg_catalog.pg_class", "information_schema.tables", "_again"),
        *("other_project", "memory.main.sales", "temp.main.sales", "main.other_project"),
    ],
)
def test_only_declared_tables_can_be_read(table):
    found = message(f"select * from {table}")
    assert f"shop: features.sql: {table} is not a table of the project (line 1)" in found
    assert "its tables are sales, as declared in defs.yaml" in found


@pytest.mark.parametrize("table", ["other_project", "sqlite_master", "duckdb_views"])
def test_a_common_table_expression_of_another_query_declares_no_table(table):
    hidden = f"(with {table} as (select 1) select 1)"
    for sql in (f"select {hidden}, * from {table}", f"select * from {table} where 1 = {hidden}"):
        assert f"{table} is not a table of the project" in message(sql)


def test_every_view_of_duckdb_is_rejected():
    views = connected().execute("select schema_name, view_name from duckdb_views() where internal").fetchall()
    assert len(views) > 30
    for schema, view in views:
        for name in (f"{schema}.{view}", view, f"system.{schema}.{view}"):
            assert "is not a table of the project" in find_violation(f"from {name}", SALES).problem, name


@pytest.mark.parametrize(
    ("sql", "kind"), [("select ? from sales", "parameter"), ("values (default)", "default")]
)
def test_a_kind_of_expression_that_no_rule_knows_is_rejected(sql, kind):
    assert f"{kind} is not allowed" in find_violation(sql, SALES).problem


def test_a_deeply_nested_expression_is_an_error_without_a_traceback():
    assert "nested too deeply" in message(f"select {' + '.join(['id'] * 700)} as total from sales")


@pytest.mark.parametrize(
    ("statement", "keyword"),
    [
        ("copy (select 1 as row_id) to 'rows.csv'", "COPY"),
        ("insert into loans values (1) returning *", "INSERT"),
        ("update loans set income = 1 returning *", "UPDATE"),
        ("delete from loans returning *", "DELETE"),
    ],
)
def test_a_statement_that_writes_inside_of_a_query_is_rejected(statement, keyword):
    expected = f"{keyword} writes and is not allowed"
    assert expected in message(f"with new as ({statement}) select * from new")
    assert expected in message(f"select row_id, (with new as ({statement}) select 1) as one from loans")


@pytest.mark.parametrize("sql", ["describe sales", "summarize sales", "show tables"])
def test_a_description_of_tables_is_not_a_query(sql):
    assert "describe, summarize and show are not allowed" in message(sql)


def test_a_violation_is_reported_with_its_line():
    sql = "-- naïve comment, über Ümläute\nselect\n    id, $as_of as day,\n    random() as chance\nfrom sales"
    assert "random is not allowed: its result differs between runs" in message(sql)
    assert "(class random) (line 4)" in message(sql)


def test_a_pivot_without_values_is_an_error_with_the_way_out():
    found = message("pivot sales on name using sum(price)")
    assert "pivot without values runs as several statements" in found
    assert run("from (pivot (select name, price from sales) on name in ('x', 'y') using sum(price))")


def test_an_unknown_function_is_an_error_with_similar_names():
    assert "there is no function datte_diff" in message("select datte_diff('day', sold, $as_of) from sales")
    assert "did you mean date_diff" in message("select datte_diff('day', sold, $as_of) from sales")


@pytest.mark.parametrize(
    "sql",
    [
        "select age($as_of, sold), date_diff('day', sold, $as_of) from sales",
        "select id, sum(price) over (partition by name) from sales",
        "select row_number() over (order by id), lag(price) over (order by id) from sales",
        "select rank() over (order by price), percent_rank() over (order by price) from sales",
        "select sum(price) over (order by sold range between interval 7 days preceding and current row) "
        "from sales",
        "select arg_max(name, (sold, id)), max_by(name, id), median(price) from sales",
        "select id from sales order by id limit 1",
        "select distinct on (name) id from sales order by name, id",
        "select string_agg(name, ',' order by id), first(name order by id) from sales",
        "select list_sort(list(name order by id))[1], list_sum([1]), [x + 1 for x in [1]] from sales",
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 3) select * from n",
        "with sales as (select * from main.sales) select * from SALES",
        'with "a.b" as (select id from sales), c as (from "A.B") select * from c join "a.b" using (id)',
        "with a as (select id from sales) select (select max(id) from a) as x, b.* from (from a) as b",
        "with recursive a as (select 1 as i union all (with b as (from a) select i + 1 from b where i < 3)) "
        "from a",
        'select "user" from (select name as "user" from sales) as t',
        "select name.upper().lower(), extract(year from sold), sold at time zone 'UTC' from sales",
        "select unnest(range(3)), nullif(id, 1), coalesce(name, ''), if(id = 1, 'a', 'b') from sales",
        "select * from sales join range(3) as r(i) on id = i, unnest([1]) as u(x)",
        "select name ~ 'x', name like 'x%', -id, id // 2, id ** 2, {'a': id}.a, map {'k': id} from sales",
        "select if(price > 0, price, error('no price')) from sales",
        "select count(*), count(distinct name), count_if(id = 1), approx_count_distinct(id) from sales",
        "select columns('i.*') from sales union all by name select 3 as id",
        "select id as now, 'now()' as text from sales -- random()",
        "select * from sales asof join (select sold as t, id as other from sales) as b on sold >= t",
        "unpivot (select id, price from sales) on price",
        "values (1), (2)",
    ],
)
def test_a_deterministic_query_is_allowed(sql):
    assert run(sql)
