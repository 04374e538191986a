"""Rules for a project's SQL: DuckDB's functions one by one, and every way to depend on more than the rows."""

import itertools
from datetime import datetime

import duckdb
import pytest

from mlops_assets.core.errors import ProjectError
from mlops_assets.ml.features.project_query import ProjectQuery
from mlops_assets.ml.features.sql_functions import ORDER_DEPENDENT, catalog

AS_OF = datetime(2024, 4, 1)
NOT_DETERMINISTIC = "shop: features.sql: {} is not deterministic and is not allowed"


def run(sql):
    """The rows of a query over two sales."""
    with duckdb.connect() as connection:
        sales = connection.sql(
            "select * from (values (1, 'x', 2.5, timestamp '2024-03-02'), "
            "(2, 'y', 0.5, timestamp '2024-03-30')) v(id, name, price, sold)"
        )
        query = ProjectQuery(sql, "shop: features.sql", timestamps={"as_of": AS_OF})
        return query.run(connection, {"sales": sales}).fetchall()


def message(sql):
    with pytest.raises(ProjectError) as caught:
        run(sql)
    return str(caught.value)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        ("now()", "now"),
        ("NOW ()", "now"),
        ('"now"()', "now"),
        ("main.now()", "now"),
        ("system.main.now()", "now"),
        ("today()", "today"),
        ("current_date", "current_date"),
        ("Current_Timestamp", "current_timestamp"),
        ('"current_time"', "current_time"),
        ("localtime", "localtime"),
        ("localtimestamp", "localtimestamp"),
        ("get_current_time()", "get_current_time"),
        ("current_localtimestamp()", "current_localtimestamp"),
        ("current_localtime()", "current_localtime"),
        ("transaction_timestamp()", "transaction_timestamp"),
        ("txid_current()", "txid_current"),
        ("age(sold)", "age"),
        ("sold.age()", "age"),
        ("ago(interval 1 day)", "ago"),
        ("pg_postmaster_start_time()", "pg_postmaster_start_time"),
        ("random()", "random"),
        ("1 + random()", "random"),
        ("list_transform([1], lambda x: x + random())", "random"),
        ("case when id = 1 then uuid() end", "uuid"),
        ("coalesce(null, try(gen_random_uuid()))", "gen_random_uuid"),
        ("(select max(now()) from sales)", "now"),
        ("count(*) filter (sold < now()) over ()", "now"),
        ("row_number() over (order by random())", "random"),
        ("setseed(0.5)", "setseed"),
        ("nextval('numbers')", "nextval"),
        ("currval('numbers')", "currval"),
        ("getvariable('day')", "getvariable"),
        ("current_setting('TimeZone')", "current_setting"),
        ("current_schema()", "current_schema"),
        ("version()", "version"),
        ("list_aggregate([1, 2], 'reservoir_quantile', 0.5)", "list_aggregate"),
        ("[1, 2].list_aggr('reservoir_quantile', 0.5)", "list_aggr"),
        ("list_aggregate([1, 2], 'reservoir' || '_quantile', 0.5)", "list_aggregate"),
    ],
)
def test_a_function_of_the_clock_the_session_or_chance_is_rejected(call, name):
    found = message(f"select id, {call} as extra from sales")
    assert NOT_DETERMINISTIC.format(name) in found
    assert "use $as_of in an event project" in found


def test_every_function_that_duckdb_does_not_label_consistent_is_rejected():
    with duckdb.connect() as connection:
        labelled = connection.sql(
            "select function_name, max(len(parameters)) from duckdb_functions() "
            "where stability <> 'CONSISTENT' and function_name <> 'error' group by all"
        ).fetchall()
    assert len(labelled) > 25
    for name, count in labelled:
        call = f'"{name}"({", ".join(["1"] * count)})'
        assert NOT_DETERMINISTIC.format(name) in message(f"select {call} from sales"), name


def test_every_table_function_that_reads_more_than_its_arguments_is_rejected():
    with duckdb.connect() as connection:
        found = connection.sql(
            "select distinct function_name from duckdb_functions() where function_type like 'table%'"
        ).fetchall()
    allowed = {"range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree"}
    for [name] in found:
        if name not in allowed:
            expected = f"{name} reads data outside the tables of the project"
            assert expected in message(f"select * from {name}('x')"), name


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_an_allowed_function_without_arguments_has_the_same_result_in_another_session(zone):
    names = sorted(catalog().consistent - catalog().inconsistent)
    with duckdb.connect() as connection, duckdb.connect() as other:
        other.execute(f"set TimeZone = '{zone}'; create schema z; use z")
        for name in names:
            results = []
            for session in (connection, other):
                try:
                    results.append(session.sql(f'select "{name}"()').fetchall())
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
            assert found[0] == found[1] or name in ORDER_DEPENDENT, name


@pytest.mark.parametrize(
    "name", sorted(ORDER_DEPENDENT - {"lttb", "json_group_object", "variant_group_object"})
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


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("select * from read_parquet('x.parquet')", "read_parquet"),
        ("select * from 'x.parquet'", "x.parquet"),
        ('select * from "data/x.csv"', "data/x.csv"),
        ("select * from sales, lateral (select * from read_csv('x'))", "read_csv"),
        ("select * from query('select now()')", "query"),
        ("select * from query_table('sales')", "query_table"),
        ("select * from duckdb_tables()", "duckdb_tables"),
        ("select * from glob('*')", "glob"),
        ("select exists (from parquet_metadata('x'))", "parquet_metadata"),
    ],
)
def test_data_outside_the_tables_of_the_project_is_rejected(sql, what):
    assert f"shop: features.sql: {what} reads data outside the tables of the project" in message(sql)


@pytest.mark.parametrize(
    "table", ["duckdb_tables", "sqlite_master", "pg_catalog.pg_class", "information_schema.tables", "_again"]
)
def test_only_declared_tables_can_be_read(table):
    found = message(f"select * from {table}")
    assert f"shop: features.sql: {table} is not a table of the project (line 1)" in found
    assert "its tables are sales, as declared in defs.yaml" in found


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
    assert "random is not deterministic and is not allowed (line 4)" in message(
        "-- naïve comment, über Ümläute\nselect\n    id, $as_of as day,\n    random() as chance\nfrom sales"
    )


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
