"""If this fails, Dagster changed how it serializes exceptions; the redaction of its records relies on it."""

import sys
from collections.abc import Iterator

import pytest
from dagster._utils.error import serializable_error_info_from_exc_info
from dagster_shared.error import SerializableErrorInfo

from mlops_assets.compat.dagster_errors import filter_serialized_errors


@pytest.fixture
def _unfiltered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Dagster's own method, whatever other tests have installed."""
    if _installed():
        monkeypatch.delattr(SerializableErrorInfo, "from_traceback")
    assert not _installed()
    yield
    del SerializableErrorInfo.from_traceback


def _installed() -> bool:
    return "from_traceback" in SerializableErrorInfo.__dict__


@pytest.mark.usefixtures("_unfiltered")
def test_an_exception_is_serialized_with_its_causes_filtered():
    filter_serialized_errors(lambda text: text.replace("hunter2", "***"))
    filter_serialized_errors(lambda text: text.replace("***", "twice"))  # is installed once
    try:
        try:
            raise KeyError("inner hunter2")
        except KeyError as error:
            raise ValueError("outer hunter2") from error
    except ValueError:
        found = serializable_error_info_from_exc_info(sys.exc_info())
    assert found.message == "ValueError: outer ***\n"
    assert found.cause
    assert found.cause.message == "KeyError: 'inner ***'\n"
    assert "hunter2" not in found.to_string()
    assert "test_dagster_errors.py" in found.stack[0]
