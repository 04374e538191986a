"""The channel `command`: a program that gets the alerts as JSON on its standard input."""

import json
import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mlops_assets.stores.alerts.delivery import DeliveryError
from mlops_assets.stores.alerts.message import Markup, Message

SECONDS = 8.0
_MOST_ERROR = 200


@dataclass(frozen=True)
class CommandSender:
    """Starts a program, without a shell, in the project's folder.

    Attributes
    ----------
    command
        Program and arguments.
    """

    command: tuple[str, ...]
    folder: Path
    seconds: float = SECONDS

    @property
    def markup(self) -> Markup:
        return "plain"

    def send(self, message: Message) -> str:
        """Run the program; another exit status than 0, or none in time, is an error."""
        document = {"subject": message.subject, "text": message.text, "alerts": message.alerts}
        name = self.command[0]
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as errors:
            given.write(json.dumps(document).encode())
            given.seek(0)
            try:
                process = subprocess.Popen(
                    self.command,
                    cwd=self.folder,
                    stdin=given,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    start_new_session=True,
                )
            except OSError as error:
                raise DeliveryError(f"{name} can't be started: {error.strerror or error}") from error
            try:
                status = process.wait(self.seconds)
            except subprocess.TimeoutExpired as error:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # with what it has started
                process.wait()
                raise DeliveryError(f"{name} did not end within {self.seconds:g} s") from error
            errors.seek(0)
            if status:
                text = errors.read(_MOST_ERROR).decode("utf-8", "replace").strip()
                raise DeliveryError(f"{name} ended with status {status}{f': {text}' if text else ''}")
        return ""
