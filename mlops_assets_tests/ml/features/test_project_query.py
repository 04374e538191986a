"""SQL of a project: one deterministic SELECT with timestamps as placeholders."""

from datetime import datetime

import duckdb
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mlops_assets.core.errors import ProjectError
from mlops_assets.ml.features.project_query import ProjectQuery

AS_OF = datetime(2024, 4, 1)


@pytest.fixture
def run(connection):
    """Run a query over two sales, whose secret is hidden."""
    sales = connection.sql(
        "select * from (values (1, 'x', timestamp '2024-03-02', 'a.csv', 'abc', 1), "
        "(2, 'y', timestamp '2024-03-30', 'a.csv', 'abc', 2)) "
        "v(id, secret, happened, _source_file, _source_sha256, _row)"
    )

    def run_(sql, **timestamps):
        query = ProjectQuery(sql, "shop: features.sql", ("secret",), timestamps or {"as_of": AS_OF})
        return query.run(connection, {"sales": sales}).fetchall()

    return run_


def test_a_placeholder_is_replaced_everywhere_in_the_query(run):
    assert run("select id, date_diff('day', happened, $as_of) from sales order by id") == [(1, 30), (2, 2)]
    assert run(
        "select count(*) from sales where happened >= $as_of - interval 7 day and happened<$as_of"
    ) == [(1,)]
    assert run("select $as_of::date, $as_of") == [(AS_OF.date(), AS_OF)]
    two = {"as_of": AS_OF, "horizon_end": datetime(2024, 7, 1)}
    assert run("select date_diff('month', $as_of, $horizon_end)", **two) == [(3,)]


def test_a_placeholder_in_a_comment_or_a_string_is_not_replaced(run):
    sql = """
        select '$as_of' as text, id from sales -- before $as_of; or $nothing
        /* $nothing; */ where id = 1;
    """
    assert run(sql) == [("$as_of", 1)]


def test_an_unknown_placeholder_is_reported_with_the_available_ones(run):
    with pytest.raises(ProjectError, match=r"unknown placeholder \$now_of") as caught:
        run("select $now_of from sales")
    assert caught.value.hint == "available placeholders: $as_of"


def test_a_project_without_partitions_has_no_placeholders(connection):
    query = ProjectQuery("select $as_of", "homes: features.sql")
    with pytest.raises(ProjectError, match=r"unknown placeholder \$as_of") as caught:
        query.run(connection, {})
    assert "it has no partitions" in str(caught.value)


@pytest.mark.parametrize("name", ["now", "today", "random", "uuid"])
def test_a_column_may_have_the_name_of_such_a_function(run, name):
    assert run(f"select id as {name} from sales order by {name}") == [(1,), (2,)]
    assert run(f"select '{name}()' as text -- {name}()") == [(f"{name}()",)]


@pytest.mark.parametrize(
    "sql",
    [
        "select 1; select 2",
        "create table t as select 1",
        "drop view sales",
        "insert into sales values (3, 'z', null, '', '', 3)",
        "set threads = 1",
        "-- nothing at all",
    ],
)
def test_anything_but_one_select_is_an_error(run, sql):
    with pytest.raises(ProjectError, match=r"shop: features\.sql is not one query"):
        run(sql)


def test_hidden_columns_and_provenance_are_not_readable(run):
    assert run("select * from sales order by id")[0] == (1, datetime(2024, 3, 2))
    with pytest.raises(ProjectError, match="secret is the target, which "):
        run("select secret from sales")
    with pytest.raises(ProjectError, match="_source_file"):
        run("select _source_file from sales")


def test_the_error_of_a_failing_query_names_its_file(run):
    with pytest.raises(ProjectError, match=r"shop: features\.sql: .*nowhere") as caught:
        run("select * from nowhere")
    assert "its tables are sales, as declared in defs.yaml" in str(caught.value)


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)


@given(TEXTS, TEXTS)
@settings(max_examples=40, deadline=None)
def test_strings_and_comments_are_kept_unchanged(text, comment):
    # DuckDB itself turns such spaces into plain ones when a comment holds an apostrophe.
    assume(not any(sign.isspace() and sign != " " for sign in text))
    quoted = text.replace("'", "''")
    kept = comment.replace("*/", "").replace("/*", "").replace("*", "").replace("/", "")
    query = ProjectQuery(
        f"/* {kept} */ select '{quoted}' as text, $as_of as time",
        "shop: features.sql",
        (),
        {"as_of": AS_OF},
    )
    with duckdb.connect() as connection:
        assert query.run(connection, {}).fetchall() == [(text, AS_OF)]
