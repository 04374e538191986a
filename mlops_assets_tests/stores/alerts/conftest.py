"""Real receivers of alerts, and a store of incidents."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_assets.stores.alerts.incidents import IncidentStore
from mlops_assets_tests.support.receivers import MailReceiver, WebReceiver, mail_receiver, web_receiver

VARIABLE = "OPS_ADDRESS"


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebReceiver]:
    """An HTTP server, whose address is in `OPS_ADDRESS`."""
    with web_receiver() as receiver:
        monkeypatch.setenv(VARIABLE, receiver.url)
        yield receiver


@pytest.fixture
def mail() -> Iterator[MailReceiver]:
    """An SMTP server."""
    with mail_receiver() as receiver:
        yield receiver


@pytest.fixture
def store(tmp_path: Path) -> IncidentStore:
    return IncidentStore(tmp_path)
