"""A project's SQL: one SELECT, with the moments that it may ask for, and nothing that differs tomorrow."""

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

    def run_(sql, **moments):
        query = ProjectQuery(sql, "shop: features.sql", ("secret",), moments or {"as_of": AS_OF})
        return query.run(connection, {"sales": sales}).fetchall()

    return run_


def test_a_moment_stands_wherever_the_query_writes_it(run):
    assert run("select id, date_diff('day', happened, $as_of) from sales order by id") == [(1, 30), (2, 2)]
    assert run(
        "select count(*) from sales where happened >= $as_of - interval 7 day and happened<$as_of"
    ) == [(1,)]
    assert run("select $as_of::date, $as_of") == [(AS_OF.date(), AS_OF)]
    two = {"as_of": AS_OF, "horizon_end": datetime(2024, 7, 1)}
    assert run("select date_diff('month', $as_of, $horizon_end)", **two) == [(3,)]


def test_a_moment_in_a_comment_or_a_text_stays_what_it_is(run):
    sql = """
        select '$as_of' as said, id from sales -- before $as_of; or $nothing
        /* $nothing; */ where id = 1;
    """
    assert run(sql) == [("$as_of", 1)]


def test_an_unknown_moment_is_told_with_those_that_there_are(run):
    with pytest.raises(ProjectError, match=r"there is no \$now_of") as caught:
        run("select $now_of from sales")
    assert caught.value.hint == "a query may write $as_of"


def test_a_project_without_partitions_has_no_moments(connection):
    query = ProjectQuery("select $as_of", "homes: features.sql")
    with pytest.raises(ProjectError, match=r"there is no \$as_of") as caught:
        query.run(connection, {})
    assert "it has no partitions" in str(caught.value)


@pytest.mark.parametrize(
    "call",
    [
        "now()",
        "NOW ()",
        "today()",
        "current_date",
        "Current_Timestamp",
        "random()",
        "uuid()",
        "localtimestamp",
    ],
)
def test_what_is_another_one_at_every_run_is_refused(run, call):
    word = call.lower().rstrip("( )")
    with pytest.raises(ProjectError, match=f"shop: features.sql: {word} is another one at every run"):
        run(f"select id, {call} as extra from sales")


@pytest.mark.parametrize("name", ["now", "today", "random", "uuid"])
def test_a_column_may_be_called_like_such_a_function(run, name):
    assert run(f"select id as {name} from sales order by {name}") == [(1,), (2,)]
    assert run(f"select '{name}()' as said -- {name}()") == [(f"{name}()",)]


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
def test_anything_but_one_select_is_refused(run, sql):
    with pytest.raises(ProjectError, match=r"shop: features\.sql is not one query"):
        run(sql)


def test_hidden_columns_and_provenance_are_not_seen(run):
    assert run("select * from sales order by id")[0] == (1, datetime(2024, 3, 2))
    with pytest.raises(ProjectError, match="secret is the target, which "):
        run("select secret from sales")
    with pytest.raises(ProjectError, match="_source_file"):
        run("select _source_file from sales")


def test_a_query_that_cannot_be_run_is_told_with_its_file(run):
    with pytest.raises(ProjectError, match=r"shop: features\.sql: .*nowhere") as caught:
        run("select * from nowhere")
    assert "the tables are seen under their names in defs.yaml" in str(caught.value)


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)


@given(TEXTS, TEXTS)
@settings(max_examples=40, deadline=None)
def test_texts_and_comments_come_through_whatever_they_hold(said, comment):
    # DuckDB itself turns such spaces into plain ones when a comment holds an apostrophe.
    assume(not any(sign.isspace() and sign != " " for sign in said))
    quoted = said.replace("'", "''")
    kept = comment.replace("*/", "").replace("/*", "").replace("*", "").replace("/", "")
    query = ProjectQuery(
        f"/* {kept} */ select '{quoted}' as said, $as_of as moment",
        "shop: features.sql",
        (),
        {"as_of": AS_OF},
    )
    with duckdb.connect() as connection:
        assert query.run(connection, {}).fetchall() == [(said, AS_OF)]
