"""`features.sql`: what it sees, and what it may return."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from mlops_assets.core.errors import ProjectError
from mlops_assets.ml.features.feature_query import FeatureQuery

Run = Callable[[str], duckdb.DuckDBPyRelation]


@pytest.fixture
def run(connection: duckdb.DuckDBPyConnection) -> Run:
    """Run a query over two houses, whose price is hidden."""
    houses = connection.sql(
        "select * from (values (1::bigint, 3, 'north', 100.0, 'a.csv', 'abc', 1), "
        "(2::bigint, 5, null, 200.0, 'a.csv', 'abc', 2)) "
        "houses(row_id, rooms, district, price, _source_file, _source_sha256, _row)"
    )
    return lambda sql: FeatureQuery(sql, ("price",), "homes: features.sql").run(
        connection, {"houses": houses}
    )


def test_numbers_become_double_and_text_varchar(run: Run):
    features = run(
        """
        select row_id, rooms, rooms > 4 as large, rooms::decimal(5, 1) as exact, rooms::utinyint as small,
            rooms::hugeint as huge, rooms::float as single, district, 'x'::enum ('x', 'é;') as chosen
        from houses  -- one; query
        ;  -- the semicolon begins no second one
        """
    )
    assert list(map(str, features.types)) == ["BIGINT", *["DOUBLE"] * 6, "VARCHAR", "VARCHAR"]
    assert features.order("row_id").fetchall() == [
        (1, 3.0, 0.0, 3.0, 3.0, 3.0, 3.0, "north", "x"),
        (2, 5.0, 1.0, 5.0, 5.0, 5.0, 5.0, None, "x"),
    ]


def test_dates_and_times_become_timestamps_in_utc(run: Run):
    features = run(
        """
        select row_id, date '2024-01-31' as day, timestamp_s '2024-01-31 10:00' as second,
            timestamptz '2024-01-31 10:00+02' as zoned, null::date as missing
        from houses where row_id = 1
        """
    )
    assert list(map(str, features.types)) == ["BIGINT", *["TIMESTAMP"] * 4]
    day = datetime(2024, 1, 31)
    assert features.fetchall() == [(1, day, day.replace(hour=10), day.replace(hour=8), None)]
    with pytest.raises(duckdb.Error, match="feature day is infinite where row_id is 1"):
        run("select row_id, date 'infinity' as day from houses").fetchall()


def test_row_id_comes_first_wherever_the_query_puts_it(run: Run):
    assert run("select rooms, row_id from houses").columns == ["row_id", "rooms"]


@pytest.mark.parametrize("column", ["price", "houses.price", '"price"'])
def test_the_target_cannot_be_read_and_the_error_names_it(run: Run, column: str):
    with pytest.raises(ProjectError, match="price is the target, which "):
        run(f"select row_id, {column} from houses")


def test_a_star_excludes_target_and_provenance(run: Run):
    assert run("select * from houses").columns == ["row_id", "rooms", "district"]


@pytest.mark.parametrize("name", ["relation", "tables"])
def test_a_python_variable_is_not_a_table(run: Run, name: str):
    with pytest.raises(ProjectError, match=f"{name} is not a table of the project"):
        run(f"select row_id, price from {name}")


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("select rooms from houses", "homes: features.sql does not return row_id"),
        ("select row_id from houses", "homes: features.sql returns no feature"),
        ("selct row_id from houses", "homes: features.sql: Parser Error"),
        ("select row_id, kitchens from houses", "homes: features.sql: Binder Error.*kitchens"),
        ("select row_id, rooms from flats", "homes: features.sql: flats is not a table of the project"),
    ],
)
def test_an_unusable_query_is_an_error(run: Run, sql: str, message: str):
    with pytest.raises(ProjectError, match=message):
        run(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "-- nothing",
        "create table copied as select * from houses",
        "select 1; select row_id, rooms from houses",
    ],
)
def test_anything_but_one_query_is_an_error(run: Run, sql: str):
    with pytest.raises(ProjectError, match="is not one query"):
        run(sql)


def test_a_statement_that_writes_a_file_is_rejected_before_it_runs(run: Run, tmp_path: Path):
    target = tmp_path / "stolen.csv"
    with pytest.raises(ProjectError, match="is not one query"):
        run(f"copy houses to '{target}'")
    assert not target.exists()


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("time '12:00'", "TIME"),
        ("interval 1 day", "INTERVAL"),
        ("[1, 2]", r"INTEGER\[\]"),
        ("['x'::enum ('x')]", "ENUM.*"),
        ("{'a': 1}", "STRUCT.*"),
        ("'00000000-0000-0000-0000-000000000000'::uuid", "UUID"),
        ("null", '"NULL"'),
    ],
)
def test_an_unsupported_feature_type_is_an_error(run: Run, expression: str, kind: str):
    with pytest.raises(ProjectError, match=f"feature odd has the unsupported type {kind}"):
        run(f"select row_id, {expression} as odd from houses")


def test_only_the_columns_that_a_query_names_are_read_from_a_file(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
):
    file = tmp_path / "orders.parquet"
    connection.sql(
        "select i as row_id, i * 2 as rooms, 'n' || i as note, i / 3 as price from range(9) r(i)"
    ).write_parquet(str(file))
    query = FeatureQuery("select row_id, rooms + 1 as more from houses", ("price",), "homes: features.sql")
    features = query.run(connection, {"houses": connection.read_parquet(str(file))})
    plan = connection.execute(f"explain (format json) {features.sql_query()}").fetchall()[0][1]
    [read] = [node for node in _nodes(json.loads(plan)[0]) if not node["children"]]
    assert read["extra_info"]["Projections"] == ["row_id", "rooms"]


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node["children"]:
        yield from _nodes(child)
