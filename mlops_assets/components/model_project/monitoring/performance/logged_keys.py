"""The rows of the table of a static project that logged requests are about, by the key of the table."""

from typing import TYPE_CHECKING

from mlops_assets.components.model_project.monitoring.report import ReportRun
from mlops_assets.components.model_project.project.declared_tables import declared_contract
from mlops_assets.components.model_project.project.log_window import table_key
from mlops_assets.core import names
from mlops_assets.core.errors import StoreError
from mlops_assets.core.sql_quoting import quoted

if TYPE_CHECKING:
    import duckdb

    from mlops_assets.ml.contracts.columns import Column
    from mlops_assets.stores.tracking.trained_model import TrainedModel

KEY_BITS = "_key_bits"
_COMPARED = 100
"""Rows whose IDs show whether the key was another one."""


def has_declared_key(run: ReportRun, trained: "TrainedModel") -> bool:
    """Whether the row IDs of the training set of a version were computed from the key that is declared now.

    With another key, the rows of its training set can't be recognised among the requests. The key counts as
    unchanged if the rows that the training set was made of were removed since.
    """
    from mlops_assets.ml.contracts.row_ids import bits_sql, key_bits_sql
    from mlops_assets.stores.system.row_id_key import row_id_key

    project, store = run.project, run.store
    key, table = table_key(project), project.table_key(names.VALIDATED)
    wanted = int(trained.facts["training_set_version"])
    versions = store.versions(project.key(names.TRAINING_SET).path)
    made_of = next((one.inputs for one in versions if one.version == wanted), {})
    try:
        rows = store.relation(run.connection, table.path, version=made_of.get("/".join(table.path)))
    except StoreError:
        return True
    if not set(key) <= set(rows.columns):
        return False
    secret = row_id_key(store.root) if set(key) & project.sensitive else None
    others = rows.limit(_COMPARED).filter(f"{bits_sql(key, secret=secret)} <> {key_bits_sql()}")
    return not len(others)


def with_key_bits(run: ReportRun, rows: "duckdb.DuckDBPyRelation") -> "duckdb.DuckDBPyRelation":
    """Add the bits of the key of logged rows, which the row IDs of the table contain.

    A sensitive key is a digest in the log: its bits are those of the row of the table with the same digest,
    or null without one.

    Parameters
    ----------
    rows
        Logged rows with all columns of the key under their own names.
    """
    from mlops_assets.ml.contracts.columns import source_types
    from mlops_assets.ml.contracts.row_ids import bits_sql

    key, types = table_key(run.project), source_types(rows)
    contract = declared_contract(run.project, run.project.table, for_training=False)
    columns = [column for column in contract.columns if column.name in key]
    if set(key) & run.project.sensitive:
        return _found_in_table(run, rows, columns)
    # Cast as the contract has cast the rows of the table: a value in a declared format is logged as text.
    typed = ", ".join(f"{each.cast_sql(types[each.name])} as {quoted(each.name)}" for each in columns)
    return rows.project(f"* replace ({typed})").project(f"*, {bits_sql(key, secret=None)} as {KEY_BITS}")


def _found_in_table(
    run: ReportRun, rows: "duckdb.DuckDBPyRelation", columns: "list[Column]"
) -> "duckdb.DuckDBPyRelation":
    from mlops_assets.core.digests import keyed_digest_sql
    from mlops_assets.ml.contracts.columns import source_types
    from mlops_assets.ml.contracts.row_ids import key_bits_sql
    from mlops_assets.stores.system.row_id_key import row_id_key

    project, types = run.project, source_types(rows)
    secret = row_id_key(run.store.root)
    asked, known = list[str](), list[str]()
    for place, column in enumerate(columns):
        name, alias = quoted(column.name), f"_key_{place}"
        if column.name in project.sensitive:
            known.append(f"{keyed_digest_sql(secret, f'{name}::varchar')} as {alias}")
            asked.append(f"{name} as {alias}")
        else:
            known.append(f"{name} as {alias}")
            asked.append(f"{column.cast_sql(types[column.name])} as {alias}")
    table = run.rows(project.table_key(names.VALIDATED))
    keys = ", ".join(f"_key_{place}" for place in range(len(columns)))
    found = table.project(f"{', '.join(known)}, {key_bits_sql()} as {KEY_BITS}")
    return rows.project(f"*, {', '.join(asked)}").join(found, keys, how="left").project(f"* exclude ({keys})")
