"""Rows of a file for the predictions of a champion, read and cast as the project reads its source."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from mlops_assets.core import names
from mlops_assets.core.errors import DataError, ProjectError
from mlops_assets.core.sql_quoting import quoted
from mlops_assets.ml.contracts.shown_rules import shown_rule
from mlops_assets.ml.contracts.time_sql import UTC_ZONE
from mlops_assets.stores.files.csv_dialect import Dialect
from mlops_assets.stores.system.state_directory import find_project_root
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets.workspace.predictions.hidden_inputs import hidden_inputs
from mlops_assets.workspace.predictions.prediction_input import dialect_of, raw_spec, table_contract
from mlops_assets.workspace.workspace import Workspace

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from mlops_assets.ml.contracts.contract import Contract

_EXAMPLES = 5


def read_rows(project: str, file: str | Path) -> "pd.DataFrame":
    """Read rows to predict from a file, as `mlops run` reads the source of a static project.

    A text column keeps the text of the file, such as `02134` or `NA`, which `pandas.read_csv` would change.
    The CSV dialect in `defs.yaml` applies, and the contract casts and checks each row. The target is not
    required, and not returned.

    Parameters
    ----------
    project
        Name of the project, which the working directory or a folder above it contains.
    file
        A CSV, Parquet or JSON lines file, a folder or a glob.

    Returns
    -------
    pandas.DataFrame
        The columns of the contract without the target, in the order of the rows, for `predict`.

    Raises
    ------
    ProjectError
        If there is no such project, or it is an event project, whose models predict from features.
    DataError
        If the file can't be read, lacks a column, or has rows that violate the contract.
    """
    workspace = Workspace(find_project_root())
    if workspace.timeline(project) is not None:
        raise ProjectError(
            f"{project} is an event project: its models predict from features, which depend on many rows and "
            "on time",
            hint=f"read the tables {project}.predictions or {project}.features",
        )
    raw = raw_spec(workspace, project)
    dialect, contract = dialect_of(raw), table_contract(project, raw)
    subject = contract.subject
    for name in hidden_inputs(workspace, project, names.table_of(raw.key.path), contract.names):
        contract = contract.without(name)
    with _raw_rows(workspace, Path(file).expanduser().absolute(), dialect, subject) as (connection, rows):
        return _valid_rows(connection, rows, contract, subject)


@contextmanager
def _raw_rows(
    workspace: Workspace, file: Path, dialect: Dialect, subject: str
) -> "Iterator[tuple[duckdb.DuckDBPyConnection, duckdb.DuckDBPyRelation]]":
    """The unmodified rows of files with their provenance."""
    from mlops_assets.stores.files.listing import find_files
    from mlops_assets.stores.files.reader import read_files, verified_relations

    files = find_files(file, dialect=dialect, subject=subject)
    with Warehouse(workspace.state.warehouse).connect() as connection:
        relations = read_files(connection, files, subject=subject)
        with verified_relations(files, relations, subject=subject) as unchanged:
            next(unchanged).create("_raw_rows")
            for relation in unchanged:
                relation.insert_into("_raw_rows")
        yield connection, connection.table("_raw_rows")


def _valid_rows(
    connection: "duckdb.DuckDBPyConnection",
    rows: "duckdb.DuckDBPyRelation",
    contract: "Contract",
    subject: str,
) -> "pd.DataFrame":
    """The rows, cast by the contract without the target and columns that only the target reads.

    Raises
    ------
    DataError
        If a column is missing, or a row violates the contract.
    """
    import pandas as pd
    import pyarrow as pa

    from mlops_assets.ml.contracts.row_ids import translated_identity_errors
    from mlops_assets.ml.contracts.validation import validate

    if missing := contract.missing(rows.columns):
        raise DataError(
            f"{subject}: the file lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}; "
            f"it has "
            f"{', '.join(name for name in rows.columns if name not in names.PROVENANCE)}",
            hint="rename the columns of the file, or change schema.py",
        )
    with TemporaryDirectory() as scratch, translated_identity_errors(subject):
        identity = sorted(contract.names)
        valid, broken = validate(connection, rows, contract, identity=identity, scratch=Path(scratch))
        if count := len(broken):
            raise _violations(broken, count, len(rows), contract)
        found = valid.order(f"{names.SOURCE_FILE}, {names.SOURCE_ROW}").project(_columns_sql(contract))
        nullable = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
        return found.to_arrow_table().to_pandas(types_mapper=nullable.get)


def _columns_sql(contract: "Contract") -> str:
    """The columns of a contract; with a `time_zone`, times state UTC, so that `predict` keeps them."""
    zoned = {
        one.name for one in contract.columns if one.sql_type == "TIMESTAMP" and one.time_zone != UTC_ZONE
    }
    return ", ".join(
        f"{quoted(name)} at time zone 'UTC' as {quoted(name)}" if name in zoned else quoted(name)
        for name in contract.names
    )


def _violations(broken: "duckdb.DuckDBPyRelation", count: int, total: int, contract: "Contract") -> DataError:
    """The error for rows that violate the contract, with the first of them."""
    hidden = [column.name for column in contract.columns if column.sensitive]
    place = f"{names.SOURCE_FILE}, {names.SOURCE_ROW}"
    found = broken.order(place).limit(_EXAMPLES)
    examples = [dict(zip(found.columns, values, strict=True)) for values in found.fetchall()]
    described = [
        f"{row[names.SOURCE_FILE]}, row {row[names.SOURCE_ROW]}: "
        + ", ".join(_with_value(rule, row, hidden) for rule in row[names.BROKEN_RULES])
        for row in examples
    ]
    more = [f"and {count - len(examples):,} more"] if count > len(examples) else []
    return DataError(
        f"{contract.subject}: {count:,} of {total:,} rows violate the contract: "
        f"{'; '.join([*described, *more])}",
        hint="correct these rows, or remove them from the file",
    )


def _with_value(rule: str, row: Mapping[str, Any], hidden: Sequence[str]) -> str:
    """A rule such as `size: dtype(float64)`, with the value of the file that violates it."""
    name = rule.partition(":")[0]
    value = None if name in hidden else row.get(name)
    rule = shown_rule(rule, hidden)
    return rule if value is None else f"{rule}, found {value!r}"
