"""The `mlops` command."""


def main() -> None:
    """Run the command; the entry point of the console script."""
    from mlops_assets.cli.app import app

    app()
