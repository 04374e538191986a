"""Expected errors of assets and jobs as Dagster failures without a traceback."""

import tempfile
import traceback
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from mlops_assets.core.errors import MlopsError
from mlops_assets.core.interruption import limited_interruption
from mlops_assets.stores.system.disk_errors import disk_error


@contextmanager
def as_dagster_failures(project: str, sensitive: Collection[str] = ()) -> Iterator[None]:
    """Turn expected errors into Dagster failures, which are shown as their message and are not retried.

    Messages of modules that do not know the project get its name as a prefix. A process that is interrupted
    inside ends within five seconds.

    Parameters
    ----------
    sensitive
        The sensitive columns of the project. With any, failures quote no values: messages are those without
        values, messages of other exceptions are withheld, and so are their causes.
    """
    try:
        with limited_interruption():
            yield
    except MlopsError as error:
        raise _failure(project, error, sensitive) from (None if sensitive else error)
    except OSError as error:  # outside of the stores, such as in the folder of temporary files
        known = disk_error(error, "a file", Path(error.filename or tempfile.gettempdir()))
        if known is None and sensitive:  # the name of a file may be a value
            raise _withheld(project, error, sensitive) from None
        if known is None:
            raise
        raise _failure(project, known, sensitive) from (None if sensitive else error)
    except (dg.Failure, dg.RetryRequested, dg.DagsterError):
        raise
    except Exception as error:
        if not sensitive:
            raise
        raise _withheld(project, error, sensitive) from None


def _failure(project: str, error: MlopsError, sensitive: Collection[str]) -> dg.Failure:
    subject = "" if error.message.startswith(f"{project}") else f"{project}: "
    text = error.text_without_values if sensitive else str(error)
    return dg.Failure(description=f"{subject}{text}", allow_retries=False)


def _withheld(project: str, error: Exception, sensitive: Collection[str]) -> dg.Failure:
    """An unexpected exception by its type and place: its message may quote values."""
    places = traceback.extract_tb(error.__traceback__)
    shown = "\n".join(f"  {each.filename}:{each.lineno} in {each.name}" for each in places)
    return dg.Failure(
        description=f"{project}: {type(error).__name__}, raised at\n{shown}\n"
        "Its message is withheld, because it may quote values of the sensitive columns "
        f"{', '.join(sorted(sensitive))}.\n"
        "  hint: reproduce it with the tables, which `mlops sql` shows"
    )
