"""The command line interface `mlops`."""


def main() -> None:
    """Run `mlops`; the entry point of the console script."""
    from mlops_assets.cli.app import app

    app()
