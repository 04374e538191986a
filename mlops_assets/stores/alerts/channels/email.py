"""The channel `email`: SMTP with TLS."""

import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from threading import Event
from typing import Literal

from mlops_assets.stores.alerts.channels.deadline import require_in_time, within
from mlops_assets.stores.alerts.channels.environment import secret_of
from mlops_assets.stores.alerts.delivery import DeliveryError
from mlops_assets.stores.alerts.message import Markup, Message, one_line

SECONDS = 5.0
Encryption = Literal["starttls", "tls", "none"]


@dataclass(frozen=True)
class EmailSender:
    """Sends messages by an SMTP server, whose certificate is verified.

    Attributes
    ----------
    user, password
        Names of environment variables; None without a login.
    """

    host: str
    port: int
    sender: str
    recipients: tuple[str, ...]
    encryption: Encryption = "starttls"
    user: str | None = None
    password: str | None = None
    seconds: float = SECONDS

    @property
    def markup(self) -> Markup:
        return "plain"

    def send(self, message: Message) -> str:
        """Send a message; recipients that are refused while others are accepted are noted."""
        login = (secret_of(self.user), secret_of(self.password)) if self.user and self.password else None
        where = f"the SMTP server {self.host}:{self.port}"
        try:
            refused = within(self.seconds, lambda late: self._deliver(message, login, late), where)
        except smtplib.SMTPAuthenticationError as error:
            raise DeliveryError(f"{where} refused the login with {self.user} and {self.password}") from error
        except smtplib.SMTPRecipientsRefused as error:
            raise DeliveryError(f"{where} refused all recipients: {_answers(error.recipients)}") from error
        except smtplib.SMTPResponseException as error:
            raise DeliveryError(f"{where} answered {error.smtp_code}: {_text(error.smtp_error)}") from error
        except ssl.SSLCertVerificationError as error:
            raise DeliveryError(f"{where}: its certificate is not valid: {error.verify_message}") from error
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise DeliveryError(f"{where} can't be used: {error or type(error).__name__}") from error
        return f"refused recipients: {_answers(refused)}" if refused else ""

    def _deliver(
        self, message: Message, login: tuple[str, str] | None, late: Event
    ) -> dict[str, tuple[int, bytes]]:
        context = ssl.create_default_context()
        with self._connect(context) as server:
            if self.encryption == "starttls":
                server.starttls(context=context)
            if login:
                server.login(*login)
            require_in_time(late)
            return server.send_message(self._mail(message))

    def _connect(self, context: ssl.SSLContext) -> smtplib.SMTP:
        if self.encryption == "tls":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=self.seconds, context=context)
        return smtplib.SMTP(self.host, self.port, timeout=self.seconds)

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage(policy=SMTP)
        mail["Subject"] = one_line(message.subject)
        mail["From"], mail["To"] = self.sender, ", ".join(self.recipients)
        mail["Date"] = format_datetime(datetime.now(UTC))
        # The same whenever it is sent again, so that a mail server recognises a duplicate.
        mail["Message-ID"] = f"<{message.key}@{self.sender.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text)
        return mail


def _answers(refused: "dict[str, tuple[int, bytes]]") -> str:
    return "; ".join(f"{name} ({code} {_text(text)})" for name, (code, text) in refused.items())


def _text(answer: bytes | str | Sequence[object]) -> str:
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else str(answer)
