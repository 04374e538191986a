"""The `mlops` command."""

import typer

from mlops_assets.commands.audit import audit
from mlops_assets.commands.backtest import backtest
from mlops_assets.commands.card import card
from mlops_assets.commands.compare import compare
from mlops_assets.commands.data import app as data
from mlops_assets.commands.diff import diff
from mlops_assets.commands.doctor import doctor
from mlops_assets.commands.fetch import fetch
from mlops_assets.commands.history import history
from mlops_assets.commands.new import new
from mlops_assets.commands.reproduce import reproduce
from mlops_assets.commands.run import run
from mlops_assets.commands.sample import sample
from mlops_assets.commands.sql import sql
from mlops_assets.commands.ui import ui
from mlops_assets.commands.words import adopt, approve, reject, retire, rollback

app = typer.Typer(
    help="Run model projects: from raw files to a champion in the registry.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    *(run, new, backtest, compare),
    *(approve, reject, rollback, retire, adopt, history, audit, reproduce, diff, card),
    *(sql, doctor, sample, fetch, ui),
):
    app.command()(command)
app.add_typer(data, name="data")


def main() -> None:
    """Entry point of the console script."""
    app()
