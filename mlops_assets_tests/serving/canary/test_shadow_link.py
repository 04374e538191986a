"""Rows on their way to the process that scores a shadow."""

import asyncio
from pathlib import Path

from mlops_assets.serving.canary.frames import HEADER, ShadowRows, decode
from mlops_assets.serving.canary.shadow_link import ShadowLink, write_address

MESSAGES = [ShadowRows(f"r{number}", "predict", ["k"], [0.5], [{"n": number}]) for number in range(5)]


def decoded(body: bytes) -> list[ShadowRows]:
    found = []
    while body:
        facts, batch = HEADER.unpack(body[: HEADER.size])
        body = body[HEADER.size :]
        found.append(decode(body[:facts], body[facts : facts + batch]))
        body = body[facts + batch :]
    return found


def test_messages_of_a_short_time_are_sent_together_and_in_their_order(tmp_path: Path) -> None:
    pieces: list[bytes] = []

    async def send() -> None:
        async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while piece := await reader.read(100_000):
                pieces.append(piece)
            writer.close()

        server = await asyncio.start_unix_server(read, tmp_path / "s")
        write_address(tmp_path, tmp_path / "s")
        link = ShadowLink(tmp_path)
        await link.connect()
        for message in MESSAGES[:3]:
            link.send(message)
        while not pieces:  # without a call of close
            await asyncio.sleep(0.005)
        for message in MESSAGES[3:]:
            link.send(message)
        await link.close()
        while len(decoded(b"".join(pieces))) < len(MESSAGES):
            await asyncio.sleep(0.005)
        server.close()
        assert link.dropped == 0

    asyncio.run(asyncio.wait_for(send(), 10))
    assert [len(decoded(piece)) for piece in pieces] == [3, 2]
    assert decoded(b"".join(pieces)) == MESSAGES


def test_rows_that_wait_when_the_shadow_ends_are_counted_as_dropped(tmp_path: Path) -> None:
    async def send() -> int:
        async def end(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        server = await asyncio.start_unix_server(end, tmp_path / "s")
        write_address(tmp_path, tmp_path / "s")
        link = ShadowLink(tmp_path)
        link.send(MESSAGES[0])  # without a connection
        await link.connect()
        link.send(MESSAGES[1])
        assert link._writer is not None
        link._writer.close()
        link.send(MESSAGES[2])
        await link.close()
        server.close()
        return link.dropped

    assert asyncio.run(asyncio.wait_for(send(), 10)) == 3
