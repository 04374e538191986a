"""`mlops predict`: the predictions of the rows of a file."""

import signal
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_assets.cli.output.console import (
    DebugOption,
    JsonOption,
    ProjectArgument,
    err,
    plain_errors,
    print_line,
    print_waiting,
)
from mlops_assets.cli.output.table_output import print_json
from mlops_assets.core.errors import ProjectError, TrackingError
from mlops_assets.core.names import CHAMPION
from mlops_assets.stores.system.state_directory import find_project_root

if TYPE_CHECKING:
    from mlops_assets.stores.tracking.registry import RecordedVersion
    from mlops_assets.stores.warehouse.warehouse import Warehouse
    from mlops_assets.workspace.predictions.file_predictions import PredictedFile
    from mlops_assets.workspace.workspace import Workspace

ROWS_REJECTED = 3
"""Exit code if rows were rejected; the predictions of all other rows were written."""
_RULES_SHOWN = 10


def predict(
    project: ProjectArgument,
    data: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="File, folder, glob or URL with the rows: like those of the table, or in an event project "
            "rows of features. CSV or Excel in the declared format, Parquet or JSON lines.",
        ),
    ],
    to: Annotated[Path, typer.Option(metavar="FILE", help="File to write: .parquet, .csv or .csv.gz.")],
    columns: Annotated[
        str,
        typer.Option(
            metavar="id,name",
            help="Columns of the file to write beside the predictions, separated by commas; * for all. By "
            "default the key, and without a key the number of the row.",
        ),
    ] = "",
    version: Annotated[
        int | None, typer.Option(min=1, help="Number of the version; by default the champion.")
    ] = None,
    alias: Annotated[str | None, typer.Option(metavar="NAME", help="Alias of the version in MLflow.")] = None,
    contributions: Annotated[
        int,
        typer.Option(
            min=0,
            max=50,
            metavar="NUMBER",
            help="Number of features to list with their contribution to each prediction, by SHAP values.",
        ),
    ] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")] = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Predict the rows of a file with the champion, in batches, into a file.

    Rows that violate the contract are written beside it, as NAME.rejected.csv for NAME.csv, with the violated
    rules. The exit code is 3 then.

    Example: mlops predict california_housing --data new.csv --to predictions.csv
    """
    with plain_errors(debug):
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # removes what was written so far
        from mlops_assets.stores.warehouse.warehouse import Warehouse
        from mlops_assets.workspace.predictions.file_predictions import predict_files, require_writable
        from mlops_assets.workspace.predictions.prediction_input import prediction_input
        from mlops_assets.workspace.workspace import Workspace

        if version is not None and alias is not None:
            raise ProjectError("--version and --alias exclude each other", hint="use one of them")
        workspace, target = Workspace(find_project_root()), to.expanduser().absolute()
        workspace.project(project)
        require_writable(target, overwrite=overwrite)
        warehouse = Warehouse(workspace.state.warehouse)
        with err.status("loading the model") as status:
            found = _version(workspace, warehouse, project, version, alias)
            model = workspace.tracking.load(found)
            given = prediction_input(workspace, project, model, found.version)
            facts = {"project": project, "model_version": str(found.version)}
            result = predict_files(
                *(data, target, given, model),
                warehouse=warehouse,
                columns=[name.strip() for name in columns.split(",") if name.strip()],
                facts=facts | {"model_digest": found.facts.get("model_digest", "")},
                overwrite=overwrite,
                contributions=contributions,
                on_rows=lambda rows: status.update(f"predicting: {rows:,} rows"),
            )
        if as_json:
            print_json({"project": project, "version": found.version, **asdict(result)})
        else:
            _print_result(project, found.version, result)
        if result.rejected:
            raise typer.Exit(ROWS_REJECTED)


def _version(
    workspace: "Workspace", warehouse: "Warehouse", project: str, version: int | None, alias: str | None
) -> "RecordedVersion":
    """The requested version, or the champion, with the digests of the ledger."""
    from mlops_assets.stores.governance.champion_ledger import ChampionLedger
    from mlops_assets.stores.governance.ledger.ledger import Ledger

    registry, holder = workspace.tracking.registry, "`mlops predict`"
    ledger, found = ChampionLedger(Ledger(warehouse, project), registry), None
    if version is not None:
        return ledger.verified_version(version, holder, print_waiting)
    if alias is not None and alias != CHAMPION:
        if of_alias := registry.version_with_alias(project, alias):
            found = ledger.verified_version(of_alias.version, holder, print_waiting)
    elif registry.versions(project):
        found = ledger.verified_champion(holder, print_waiting)
    if found is None:
        raise TrackingError(
            f"{project} has no version with the alias {alias}" if alias else f"{project} has no champion",
            hint=f"see `mlops history {project}` and specify a --version, or train one: mlops run {project}",
        )
    return found


def _print_result(project: str, version: int, result: "PredictedFile") -> None:
    print_line(
        f"{project} version {version}: {result.rows:,} rows, {result.predicted:,} predicted, "
        f"{result.rejected:,} rejected, in {result.seconds:,.1f} s"
    )
    print_line(f"predictions  {result.to}")
    if result.rejected_to is None:
        return
    print_line(f"rejected     {result.rejected_to}")
    for rule, rows in result.rules.most_common(_RULES_SHOWN):
        print_line(f"{rows:>11,}  {rule}, first in {result.examples[rule]}")
    if len(result.rules) > _RULES_SHOWN:
        print_line(f"{'':>11}  and {len(result.rules) - _RULES_SHOWN:,} other rules")
