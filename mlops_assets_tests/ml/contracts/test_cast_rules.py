"""Violations by the cast: the fast condition agrees with the full list of rules."""

import duckdb
import pyarrow
import pytest

from mlops_assets.core.sql_quoting import literal
from mlops_assets.ml.contracts.cast_rules import broken_sql, rules_sql, typed_sql
from mlops_assets.ml.contracts.columns import Column, source_types

TEXTS = (
    *(None, "", " ", "1", "-3", " 7 ", "2.0", "3.5", "1e3", "nan", " NaN ", "inf", "-Infinity", "1e400", "x"),
    *("true", "f", "maybe", "2024-02-29", "2023-02-29", "2024-02-29 10:00:00", "infinity", "0000-01-01"),
)


@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize("there", ["typed", True, False])
@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("nullable", [True, False])
@pytest.mark.parametrize("sql_type", ["BIGINT", "DOUBLE", "BOOLEAN", "TIMESTAMP", "DATE", "VARCHAR"])
def test_a_row_is_marked_where_its_cast_violates_a_rule(sql_type, nullable, required, there, decimal):
    marks = {"decimal": decimal} if sql_type in ("BIGINT", "DOUBLE") else {}
    column = Column("a b", sql_type, nullable=nullable, required=required, **marks)
    available = {"a b": "VARCHAR"} if there == "typed" else ["a b"] if there else []
    with duckdb.connect() as connection:
        values = pyarrow.table({"a b": pyarrow.array(TEXTS, pyarrow.string())})
        rows = connection.from_arrow(values)
        rules = rules_sql([column], available)
        typed = rows.project(f"{typed_sql([column], available)}, {rules} as rules")
        marked = typed.project(f"{broken_sql([column], available)}, len(rules) > 0").fetchall()
    assert [broken for broken, _ in marked] == [by_rules for _, by_rules in marked]
    assert len(marked) == len(TEXTS)


@pytest.mark.parametrize(
    "kind", ["double", "float", "bigint", "ubigint", "hugeint", "decimal(9, 2)", "boolean"]
)
@pytest.mark.parametrize("nullable", [True, False])
@pytest.mark.parametrize("sql_type", ["BIGINT", "DOUBLE", "BOOLEAN", "VARCHAR"])
def test_rules_are_the_same_where_the_type_of_the_source_is_known(sql_type, nullable, kind, connection):
    column = Column("a", sql_type, nullable=nullable)
    values = ("nan", "inf", "-inf", "1.5", "0", "1", "9007199254740993", "18446744073709551615")
    listed = ", ".join(f"(try_cast({literal(value)} as {kind}))" for value in values)
    source = connection.sql(f"select * from (values {listed}, (null)) as t(a)")
    found = []
    for available in (["a"], source_types(source)):
        typed = source.project(f"{typed_sql([column], available)}, {rules_sql([column], available)} as rules")
        found.append(repr(typed.project(f"a, rules, {broken_sql([column], available)}").fetchall()))
    assert found[0] == found[1]
