"""Messages from workers to the process that scores a shadow: rows, and what the champion answered."""

import struct
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson
import pyarrow as pa

HEADER = struct.Struct("<II")
"""Lengths of the facts and of the Arrow batch that follow; the second is 0 for rows of plain values."""
MOST_BYTES = 64 * 1024 * 1024
"""Longer messages are dropped."""


class ShadowRows(NamedTuple):
    """Rows that the shadow scores.

    Attributes
    ----------
    keys
        The routing key of each row.
    scores
        The compared score of each answer of the champion; None if it failed.
    rows
        Rows of plain values, or an Arrow batch.
    """

    request_id: str
    route: str
    keys: Sequence[str]
    scores: Sequence[float | None]
    rows: Sequence[Mapping[str, Any]] | pa.RecordBatch


def encode(message: ShadowRows) -> bytes:
    """The message as bytes.

    Raises
    ------
    TypeError
        When a value has no JSON, such as an integer of more than 64 bits.
    """
    batch = b""
    if isinstance(message.rows, pa.RecordBatch):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, message.rows.schema) as writer:
            writer.write_batch(message.rows)
        batch, message = sink.getvalue().to_pybytes(), message._replace(rows=[])
    facts = orjson.dumps([*message])
    return b"".join((HEADER.pack(len(facts), len(batch)), facts, batch))


def decode(facts: bytes, batch: bytes) -> ShadowRows:
    """The message of the two parts behind its header."""
    message = ShadowRows(*orjson.loads(facts))
    if not batch:
        return message
    reader = pa.ipc.open_stream(batch)
    return message._replace(rows=reader.read_next_batch())
