"""The guard that limits how many requests a worker has in its hands."""

from mlops_assets.serving.http.guards.asgi import App, Receive, Refusal, Scope, Send, refuse
from mlops_assets.serving.http.guards.paths import HEALTH


class Concurrency:
    """Middleware that refuses requests beyond a number at once, so that those in hand are answered in time.

    Attributes
    ----------
    active
        How many requests are in hand.
    """

    def __init__(self, app: App, limit: int) -> None:
        self.app, self.limit, self.active = app, limit, 0
        self._refusal = Refusal(
            429,
            f"the worker already answers {limit} requests",
            "send the request again after the seconds in Retry-After, or start more workers",
            ((b"retry-after", b"1"),),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in HEALTH:
            await self.app(scope, receive, send)
            return
        if self.active >= self.limit:
            await refuse(scope, send, self._refusal)
            return
        self.active += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.active -= 1
