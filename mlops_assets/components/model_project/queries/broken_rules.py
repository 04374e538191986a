"""The rules that quarantined rows violate, counted."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from mlops_assets.components.model_project.project.metadata import markdown_table
from mlops_assets.core import names

if TYPE_CHECKING:
    import duckdb

_SHOWN_RULES = 3


def describe_rules(bad: "duckdb.DuckDBPyRelation", quarantine: str, sensitive: Collection[str]) -> str:
    """The rules that most rows violate, and what to do."""
    counts = _counts_of_rules(bad, _SHOWN_RULES, sensitive)
    rules = ", ".join(f"{rule} ({rows:,} row{'s' * (rows != 1)})" for rule, rows in counts)
    return (
        f'most frequent: {rules}; inspect them with `mlops sql "select * from {quarantine}"`, then '
        "correct the source or the contract"
    )


def rule_counts(bad: "duckdb.DuckDBPyRelation", sensitive: Collection[str]) -> dict[str, Any]:
    """Number of violations of each rule, most frequent first."""
    counts = _counts_of_rules(bad, 50, sensitive)
    return {"broken_rules": markdown_table(["rule", "rows"], counts)} if counts else {}


def _counts_of_rules(
    bad: "duckdb.DuckDBPyRelation", most: int, sensitive: Collection[str]
) -> list[tuple[str, int]]:
    """The most frequently violated rules with their numbers of rows."""
    from mlops_assets.ml.contracts.shown_rules import shown_rule

    rules = bad.project(f"unnest({names.BROKEN_RULES}) as rule")
    counted = rules.aggregate("rule, count(*) as n", "rule").order("n desc, rule").limit(most).fetchall()
    return [(shown_rule(rule, sensitive), count) for rule, count in counted]
