"""Log records without secrets, for every logger and handler."""

import io
import logging
from collections.abc import Iterator

import pytest

from mlops_assets.core.redaction.logs import redact_log_records

SECRET = "s3cr3t/of-the-test"


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    monkeypatch.setenv("SHOP_PASSWORD", SECRET)
    before, stream = logging.getLogRecordFactory(), io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.getLogger("shop").addHandler(handler)
    redact_log_records()
    yield stream
    logging.getLogger("shop").removeHandler(handler)
    logging.setLogRecordFactory(before)


def test_messages_arguments_and_tracebacks_are_redacted(printed):
    logger = logging.getLogger("shop")
    logger.warning("connect as %s", {"user": "ada", "with": SECRET})
    try:
        raise KeyError(SECRET)
    except KeyError:
        logger.exception("failed")
    assert SECRET not in printed.getvalue()
    assert printed.getvalue().startswith("connect as {'user': 'ada', 'with': '***'}\nfailed\nTraceback")
    assert printed.getvalue().endswith("KeyError: '***'\n")


def test_other_records_are_unchanged_and_the_factory_is_installed_once(printed):
    factory = logging.getLogRecordFactory()
    redact_log_records()
    assert logging.getLogRecordFactory() is factory
    record = logging.getLogger("shop").makeRecord("shop", logging.INFO, "", 0, "%d rows", (5,), None)
    assert (record.msg, record.args) == ("%d rows", (5,))


def test_arguments_that_do_not_fit_are_shown_redacted(printed):
    logging.getLogger("shop").warning("%d rows", SECRET)
    assert printed.getvalue() == "%d rows ('***',)\n"
