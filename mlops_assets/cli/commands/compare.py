"""`mlops compare`: past trainings as a table and a plot."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from mlops_assets.cli.output.console import (
    DebugOption,
    JsonOption,
    ProjectArgument,
    err,
    out,
    plain_errors,
    print_table,
)
from mlops_assets.cli.output.table_output import print_json
from mlops_assets.core.errors import DataError, TrackingError
from mlops_assets.stores.system.state_directory import find_project_root

if TYPE_CHECKING:
    from mlops_assets.stores.tracking.training_history import Training

PLOT = "trainings.png"
_FORMATS = (".png", ".svg")
_DIGITS = 8
_WIDE, _OTHER_METRICS = 120, 3


def compare(
    project: ProjectArgument,
    as_json: JsonOption = False,
    plot: Annotated[
        Path | None,
        typer.Option(
            help="Write the plot to this .png or .svg file; by default trainings.png in the reports."
        ),
    ] = None,
    debug: DebugOption = False,
) -> None:
    """Compare past trainings in a table and a plot: data, family, metrics, version and champion.

    Example: mlops compare california_housing --plot trainings.svg
    """
    with plain_errors(debug):
        if plot is not None and plot.suffix.lower() not in _FORMATS:
            raise DataError(
                f"{plot} is neither .png nor .svg", hint="choose a file name that ends in .png or .svg"
            )
        from mlops_assets.workspace.workspace import Workspace

        workspace = Workspace(find_project_root())
        workspace.project(project)
        with err.status("reading the tracking store"):
            from mlops_assets.stores.tracking.training_history import past_trainings

            found = past_trainings(workspace.tracking, project)
        if not found:
            raise TrackingError(f"{project} was never trained", hint=f"train it: mlops run {project}")
        if plot is not None or not as_json:
            target = plot or workspace.state.reports / project / PLOT
            _draw(project, found, target)
        if as_json:
            print_json([asdict(training) for training in found])
            return
        print_table(out, _table(found, narrow=out.is_terminal and out.width < _WIDE))
        out.print(f"\nplot  {target}", highlight=False, soft_wrap=True)


def _table(found: Sequence["Training"], *, narrow: bool) -> Table:
    from mlops_assets.ml.number_format import interval_text, metric_label, number

    metrics = list(dict.fromkeys(name for one in found for name in one.metrics))
    deciding = next((one.metric for one in found if one.metric), "")
    others = [name for name in metrics if name != deciding][: 0 if narrow else _OTHER_METRICS]
    table = Table(box=None, pad_edge=False)
    table.add_column("version", no_wrap=True)
    if cutoffs := any(one.cutoff for one in found):
        table.add_column("cut-off", no_wrap=True)
    table.add_column("family", no_wrap=True)
    for title in (metric_label(deciding), "95 % interval", "baseline", *map(metric_label, others)):
        table.add_column(title, justify="right", no_wrap=True)
    for title in ("data", "trained (UTC)", *(() if narrow else ("Dagster run",))):
        table.add_column(title, no_wrap=True)
    for one in found:
        table.add_row(
            f"{one.version} champion" if one.champion else str(one.version or ""),
            *([one.cutoff or ""] if cutoffs else []),
            one.family,
            *(f"{value:.4g}" if value == value else "" for value in [one.score]),
            interval_text(one.low, one.high, one.metric),
            f"{one.baseline:.4g}" if one.baseline == one.baseline else "",
            *(number(one.metrics[name]) if name in one.metrics else "" for name in others),
            f"{one.data_version} ({one.data_digest[:_DIGITS]})" if one.data_version is not None else "",
            f"{one.trained_at:%Y-%m-%d %H:%M}",
            *(() if narrow else ((one.dagster_run_id or "")[:_DIGITS],)),
            style="bold" if one.champion else "",
        )
    return table


def _draw(project: str, found: Sequence["Training"], target: Path) -> None:
    """Plot the trainings with the same primary metric as the newest, oldest first."""
    from mlops_assets.ml.number_format import metric_title
    from mlops_assets.ml.reports.plots.predictions import DOTS_PER_INCH, metric_by_training

    metric = next((one.metric for one in found if one.metric), "")
    shown = [one for one in reversed(found) if one.metric == metric]
    champion = next((place for place, one in enumerate(shown) if one.champion), None)
    figure = metric_by_training(
        [_name(one) for one in shown],
        [one.score for one in shown],
        [(one.low, one.high) for one in shown],
        [one.baseline for one in shown],
        [one.family for one in shown],
        champion=champion,
        label=metric_title(metric) if metric else project,
    )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(target, dpi=DOTS_PER_INCH)
    except OSError as error:
        raise DataError(
            f"{target} can't be written: {error.strerror}", hint="choose another file with --plot"
        ) from error


def _name(one: "Training") -> str:
    """Return the label of a training on the axis."""
    when = one.cutoff or f"{one.trained_at:%m-%d %H:%M}"
    return f"v{one.version}, {when}" if one.version else when
