"""The Typer application of `mlops`, with all commands."""

from typing import Annotated

import typer

from mlops_assets.cli.commands.backtest import backtest
from mlops_assets.cli.commands.compare import compare
from mlops_assets.cli.commands.data import app as data
from mlops_assets.cli.commands.doctor import doctor
from mlops_assets.cli.commands.governance.audit import audit
from mlops_assets.cli.commands.governance.canary import app as canary
from mlops_assets.cli.commands.governance.card import card
from mlops_assets.cli.commands.governance.decisions import adopt, approve, reject, retire, rollback
from mlops_assets.cli.commands.governance.diff import diff
from mlops_assets.cli.commands.governance.forget import forget
from mlops_assets.cli.commands.governance.history import history
from mlops_assets.cli.commands.governance.reproduce import reproduce
from mlops_assets.cli.commands.governance.sign import sign
from mlops_assets.cli.commands.monitoring.alerts import alerts
from mlops_assets.cli.commands.monitoring.lineage import lineage
from mlops_assets.cli.commands.monitoring.metrics import app as metrics
from mlops_assets.cli.commands.monitoring.plan import plan
from mlops_assets.cli.commands.monitoring.status import status
from mlops_assets.cli.commands.new import new, schema
from mlops_assets.cli.commands.predict import predict
from mlops_assets.cli.commands.run import run
from mlops_assets.cli.commands.serving.features import app as features
from mlops_assets.cli.commands.serving.keys import app as keys
from mlops_assets.cli.commands.serving.serve import serve
from mlops_assets.cli.commands.source_data import fetch, sample
from mlops_assets.cli.commands.sql import sql
from mlops_assets.cli.commands.ui import ui

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(requested: bool) -> None:
    if requested:
        from importlib.metadata import version

        typer.echo(f"mlops_assets {version('mlops-assets')}")
        raise typer.Exit


@app.callback()
def mlops(
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Run model projects, from raw files to a champion in the registry."""


for command in (
    *(run, plan, lineage, status, new, predict, backtest, compare),
    *(approve, reject, rollback, retire, adopt, history, audit, sign, reproduce, diff, card, forget),
    *(alerts, sql, doctor, schema, sample, fetch, serve, ui),
):
    app.command()(command)
app.add_typer(canary, name="canary")
app.add_typer(data, name="data")
app.add_typer(features, name="features")
app.add_typer(metrics, name="metrics")
app.add_typer(keys, name="keys")
