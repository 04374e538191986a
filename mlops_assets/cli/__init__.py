"""The command line interface `mlops`."""

from mlops_assets.core.garbage import postpone_garbage_collection


def main() -> None:
    """Run `mlops`; the entry point of the console script."""
    postpone_garbage_collection()
    from mlops_assets.cli.app import app

    app()
