"""uvicorn's server in a worker, which answers what was accepted before it stops."""

import asyncio
import socket

from uvicorn import Server
from uvicorn.supervisors.multiprocess import Process

from mlops_assets.core.garbage import postpone_garbage_collection

_TURNS = 3
_TURN_SECONDS = 0.05


class AnsweringServer(Server):
    """A server that first accepts the connections that wait in the socket, and reads their requests."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop after the answers: uvicorn closes connections whose request it has not begun to read."""
        for _ in range(_TURNS):  # of the event loop: a connection is accepted, then read, then answered
            await asyncio.sleep(_TURN_SECONDS)
        await super().shutdown(sockets)


class Worker(Process):
    """A worker process with such a server."""

    def target(self, sockets: list[socket.socket] | None = None) -> None:
        """Run the server in the new process, whose start creates objects that live to its end."""
        postpone_garbage_collection()
        super().target(sockets)

    @property
    def server(self) -> Server:
        """The server of the process."""
        if self._server is None:
            self._server = AnsweringServer(config=self.config)
        return self._server
