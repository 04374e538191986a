"""Failures of projects with sensitive columns quote no values: neither their messages nor their causes."""

import traceback

import dagster as dg
import pytest

from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.core.errors import DataError


def fail(error: Exception) -> None:
    try:
        raise ValueError("could not convert string to float: 'ann@x.org'")
    except ValueError as cause:
        raise error from cause


def failure_of(error: Exception, *sensitive: str) -> dg.Failure:
    with pytest.raises(dg.Failure) as caught, as_dagster_failures("lending", sensitive):
        fail(error)
    return caught.value


def test_an_expected_error_is_shown_without_values_and_without_its_cause():
    error = DataError("row 3 has 'ann@x.org'", hint="correct it", without_values="row 3 has a wrong value")
    shown = failure_of(error, "email")
    assert shown.description == "lending: row 3 has a wrong value\n  hint: correct it"
    assert "ann@x.org" not in "".join(traceback.format_exception(shown))
    assert failure_of(error).description == "lending: row 3 has 'ann@x.org'\n  hint: correct it"


def test_an_unexpected_exception_is_shown_by_its_type_and_place():
    shown = failure_of(KeyError("ann@x.org"), "email")
    assert shown.description.startswith("lending: KeyError, raised at\n")
    assert "test_failures.py:" in shown.description
    assert "sensitive columns email" in shown.description
    assert "ann@x.org" not in "".join(traceback.format_exception(shown))


def test_an_error_of_the_operating_system_is_withheld_because_files_may_be_named_by_values():
    shown = failure_of(FileNotFoundError(2, "No such file or directory", "scans/ann@x.org.txt"), "email")
    assert shown.description.startswith("lending: FileNotFoundError, raised at\n")
    assert "ann@x.org" not in "".join(traceback.format_exception(shown))
    with pytest.raises(FileNotFoundError), as_dagster_failures("lending"):
        fail(FileNotFoundError(2, "No such file or directory", "scans/1.txt"))


def test_an_unexpected_exception_of_other_projects_keeps_its_message():
    with pytest.raises(KeyError, match=r"ann@x\.org"), as_dagster_failures("lending"):
        raise KeyError("ann@x.org")
