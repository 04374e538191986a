"""Steps that compute only the rows that were added to their input, where the result is that of all rows."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import dagster as dg

if TYPE_CHECKING:
    import duckdb

    from mlops_assets.stores.delta.kept_content import KeptContent
    from mlops_assets.stores.warehouse.step_record import StepRecord
    from mlops_assets.stores.warehouse.warehouse import Warehouse, WriteResult

_Result = TypeVar("_Result")
_FILES = "files"


def added_or_all(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    add: Callable[[], _Result],
    compute_all: Callable[[], _Result],
) -> _Result:
    """The result of `add`, or where it raises `AllRowsNeededError` that of `compute_all`; the log has why."""
    from mlops_assets.stores.delta.kept_content import AllRowsNeededError

    name = key.to_user_string()
    try:
        result = add()
    except AllRowsNeededError as error:
        reason = str(error)
    else:
        context.log.info(f"{name}: only added rows are computed")
        return result
    context.log.info(f"{name}: all rows are computed, because {reason}")
    return compute_all()


@dataclass(frozen=True)
class StepInput:
    """The rows of a table that a step reads, and the contents that its rows are added to.

    Attributes
    ----------
    rows
        All rows of the table, or those that were added since the last run of the step.
    kept
        The content of each table that is written, if rows are added; otherwise empty.
    """

    rows: "duckdb.DuckDBPyRelation"
    kept: "dict[dg.AssetKey, KeptContent]" = field(default_factory=dict)


def added_input(
    connection: "duckdb.DuckDBPyConnection",
    store: "Warehouse",
    last: "StepRecord",
    source: dg.AssetKey,
    version: int,
    outputs: list[dg.AssetKey],
) -> StepInput:
    """The files of a table that a step has not read, and what it wrote of the others.

    Parameters
    ----------
    last
        The record of the step, as `record_step` writes it.
    version
        The version of the table to read.

    Raises
    ------
    AllRowsNeededError
        If the table lacks rows that were read, or the outputs are not those of the record.
    """
    from mlops_assets.stores.delta.kept_content import added_files

    files = store.files(source.path, version=version)
    added = added_files(files, last.inputs.get(_FILES, []), table=source.to_user_string())
    kept = {key: last.kept(store, key.path) for key in outputs}
    return StepInput(store.relation_of(connection, source.path, added, version=version), kept)


def record_step(
    store: "Warehouse",
    output: dg.AssetKey,
    code: str,
    source: dg.AssetKey,
    version: int,
    *written: "WriteResult",
) -> None:
    """Record the files that a step read and what it wrote, for the next run."""
    from mlops_assets.stores.delta.kept_content import recorded_bytes
    from mlops_assets.stores.warehouse.step_record import StepRecord

    read = recorded_bytes(store.files(source.path, version=version))
    StepRecord.of(code, {_FILES: read}, *written).write(store, output.path)
