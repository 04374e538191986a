"""The channel `webhook`: a POST with JSON, as Slack and compatible servers accept it."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from threading import Event
from typing import Any, Literal
from urllib.parse import urlsplit

from mlops_assets.core.redaction.redact import keep_secret
from mlops_assets.stores.alerts.channels.deadline import require_in_time, within
from mlops_assets.stores.alerts.channels.environment import secret_of
from mlops_assets.stores.alerts.delivery import DeliveryError
from mlops_assets.stores.alerts.message import Markup, Message

SECONDS = 5.0
_MOST_ANSWER = 200
_SECRET_LENGTH = 12


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Redirects are answers: following one would send the alert, and headers, to another server."""

    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(frozen=True)
class WebhookSender:
    """Sends messages to the address in an environment variable.

    Attributes
    ----------
    payload
        `slack`: the field `text`, in Slack's markup. `json`: `text` and `alerts`, a list of objects.
    """

    variable: str
    payload: Literal["slack", "json"] = "slack"
    seconds: float = SECONDS

    @property
    def markup(self) -> Markup:
        return "slack" if self.payload == "slack" else "plain"

    def send(self, message: Message) -> str:
        """Post a message; every answer but 2xx is an error."""
        url = secret_of(self.variable)
        place = urlsplit(url)
        if place.scheme not in ("http", "https") or not place.hostname:
            raise DeliveryError(
                f"the environment variable {self.variable} is not an address that starts with https://"
            )
        if len(place.path) >= _SECRET_LENGTH:
            keep_secret(place.path)  # Slack's secret, which an error may quote without the host
        body: dict[str, Any] = {"text": message.text}
        if self.payload == "json":
            body |= {"subject": message.subject, "alerts": message.alerts}
        request = urllib.request.Request(
            url,
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Idempotency-Key": message.key},
            method="POST",
        )
        where = f"the webhook of {self.variable}"
        try:
            within(self.seconds, lambda late: self._post(request, late), where)
        except urllib.error.HTTPError as error:
            raise _refused(where, error) from error
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            if isinstance(reason, TimeoutError):  # of the socket, which ends at the same time as the deadline
                raise DeliveryError(f"{where} did not answer within {self.seconds:g} s") from error
            raise DeliveryError(f"{where} can't be reached: {reason}") from error
        return ""

    def _post(self, request: urllib.request.Request, late: Event) -> None:
        opener = urllib.request.build_opener(_NoRedirects)
        require_in_time(late)
        with opener.open(request, timeout=self.seconds):
            pass


def _refused(where: str, error: urllib.error.HTTPError) -> DeliveryError:
    """The error for an answer that is no success, with the start of its text."""
    with error:
        try:
            answer = error.read(_MOST_ANSWER).decode("utf-8", "replace").strip()
        except (OSError, HTTPException):
            answer = ""
    if 300 <= error.code < 400:
        answer = "redirects are not followed; use the address that it leads to"
    wait = error.headers.get("Retry-After", "") if error.headers else ""
    return DeliveryError(
        f"{where} answered {error.code}{f': {answer}' if answer else ''}",
        retry_seconds=float(wait) if wait.isdecimal() else None,
    )
