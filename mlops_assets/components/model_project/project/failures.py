"""Errors of assets and jobs as Dagster failures without a traceback."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from mlops_assets.core.errors import MlopsError
from mlops_assets.stores.system.disk_errors import disk_error


@contextmanager
def as_dagster_failures(project: str) -> Iterator[None]:
    """Show a foreseeable error as its own words, and don't retry what would fail again.

    What only computes does not know for whom: the project's name is put before what lacks it.
    """
    try:
        yield
    except MlopsError as error:
        raise _failure(project, error) from error
    except OSError as error:  # of a folder that no store knows, such as that of temporary files
        fault = disk_error(error, "a file", Path(error.filename or tempfile.gettempdir()))
        if fault is None:
            raise
        raise _failure(project, fault) from error


def _failure(project: str, error: MlopsError) -> dg.Failure:
    subject = "" if error.message.startswith(f"{project}") else f"{project}: "
    return dg.Failure(description=f"{subject}{error}", allow_retries=False)
