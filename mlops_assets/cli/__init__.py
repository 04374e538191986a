"""The command line interface `mlops`."""

from mlops_assets.core.garbage import postpone_garbage_collection
from mlops_assets.core.process_end import FastExit


def main() -> None:
    """Run `mlops`; the entry point of the console script."""
    postpone_garbage_collection()
    end = FastExit()
    from mlops_assets.cli.app import app

    try:
        app()
    except SystemExit as exit_:
        if exit_.code is None or isinstance(exit_.code, int):
            end.code = exit_.code or 0
        raise
