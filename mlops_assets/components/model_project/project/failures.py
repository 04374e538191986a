"""Expected errors of assets and jobs as Dagster failures without a traceback."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from mlops_assets.core.errors import MlopsError
from mlops_assets.core.interruption import limited_interruption
from mlops_assets.stores.system.disk_errors import disk_error


@contextmanager
def as_dagster_failures(project: str) -> Iterator[None]:
    """Turn expected errors into Dagster failures, which are shown as their message and are not retried.

    Messages of modules that do not know the project get its name as a prefix. A process that is interrupted
    inside ends within five seconds.
    """
    try:
        with limited_interruption():
            yield
    except MlopsError as error:
        raise _failure(project, error) from error
    except OSError as error:  # outside of the stores, such as in the folder of temporary files
        known = disk_error(error, "a file", Path(error.filename or tempfile.gettempdir()))
        if known is None:
            raise
        raise _failure(project, known) from error


def _failure(project: str, error: MlopsError) -> dg.Failure:
    subject = "" if error.message.startswith(f"{project}") else f"{project}: "
    return dg.Failure(description=f"{subject}{error}", allow_retries=False)
