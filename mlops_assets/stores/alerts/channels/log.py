"""The channel `log`: a line in Python's log, and in the log of the tick that sends it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from mlops_assets.stores.alerts.message import Markup, Message

_LOGGER = logging.getLogger("mlops_assets.alerts")


@dataclass(frozen=True)
class LogSender:
    """Logs a message.

    Attributes
    ----------
    log
        Logs a text; by default at the level WARNING of the logger `mlops_assets.alerts`.
    """

    log: Callable[[str], None] = _LOGGER.warning

    @property
    def markup(self) -> Markup:
        return "plain"

    def send(self, message: Message) -> str:
        """Log the text."""
        self.log(message.text)
        return ""
