"""The `mlops` command, run in this process."""

from typer.testing import CliRunner

from mlops_assets.cli.app import app


def mlops(*arguments: str):
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, list(arguments))


def flat(text: str) -> str:
    return " ".join(text.split())
