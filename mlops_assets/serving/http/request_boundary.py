"""The ASGI middleware around each request: errors of the service become an answer."""

import logging

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlops_assets.serving.error_texts import error_place
from mlops_assets.serving.http.request_facts import request_facts

_LOG = logging.getLogger(__name__)


class RequestBoundary:
    """Answers 500 when the service fails.

    The log states where, without the message of the error, which could quote values of rows.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def observed_send(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, observed_send)
        except Exception as error:
            request_id = request_facts(scope).request_id
            _LOG.error("request %s failed: %s", request_id, error_place(error))
            if started:
                raise
            body = {
                "error": "the service failed to answer the request",
                "hint": "report the request ID to the operator; the log of the service has the place",
                "request_id": request_id,
            }
            answer = Response(orjson.dumps(body), 500, media_type="application/json")
            await answer(scope, receive, observed_send)
