"""The scoring of a shadow: rows that workers send, and the statistics of both versions."""

import asyncio
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa

from mlops_assets.serving.canary.frames import HEADER, MOST_BYTES, ShadowRows, decode
from mlops_assets.serving.canary.samples import CHALLENGER, CHAMPION, SampleWriter
from mlops_assets.serving.canary.scores import ComparedScore
from mlops_assets.serving.engine.served_model import POSITION, ServedModel

_LOG = logging.getLogger(__name__)
_FLUSH_SECONDS = 1.0
_MOST_ROWS, _MOST_MESSAGES = 1_000, 1_000

Answers = Sequence[Mapping[str, Any] | None]


class Shadow:
    """The challenger and the statistics of both versions.

    Parameters
    ----------
    on_scored
        Called with rows and their answers, such as to log them.
    """

    def __init__(
        self,
        model: ServedModel,
        samples: SampleWriter,
        on_scored: Callable[[ShadowRows, Answers], None] = lambda _rows, _answers: None,
    ) -> None:
        self.model, self._samples, self._on_scored = model, samples, on_scored
        self._score = ComparedScore.of(model.model.spec)
        self._reported: set[str] = set()
        self._received: asyncio.Queue[ShadowRows] = asyncio.Queue(_MOST_MESSAGES)

    def score(self, messages: Sequence[ShadowRows]) -> list[Answers]:
        """Score the rows of messages, and remember both versions' answers; None for a row that failed.

        Rows of plain values are scored together, which costs less than one message after the other.
        """
        found: list[Answers] = []
        plain = [message for message in messages if not isinstance(message.rows, pa.RecordBatch)]
        if len(plain) == len(messages) > 1:
            together = self._answers([row for message in plain for row in message.rows])
            if together is not None:
                rest = iter(together)
                found = [[next(rest) for _ in message.keys] for message in plain]
        for place, message in enumerate(messages):
            if len(found) <= place:
                started = perf_counter()
                answers = self._answers(message.rows)
                seconds = perf_counter() - started if len(message.keys) == 1 else math.nan
                found.append([None] * len(message.keys) if answers is None else answers)
                self._remember(message, found[place], seconds)
            else:
                self._remember(message, found[place], math.nan)
        return found

    def _answers(self, rows: Sequence[Mapping[str, Any]] | pa.RecordBatch) -> Answers | None:
        """The answers to rows; None if the version raises."""
        try:
            return scored(self.model, rows)
        except Exception as error:  # whatever a version raises: its rows have failed
            if type(error).__name__ not in self._reported:
                self._reported.add(type(error).__name__)
                _LOG.error("version %d: %s", self.model.version, type(error).__name__)
            return None

    def _remember(self, message: ShadowRows, answers: Answers, seconds: float) -> None:
        for key, before, answer in zip(message.keys, message.scores, answers, strict=True):
            score = math.nan if before is None else before
            self._samples.add(CHAMPION, key, failed=before is None, score=score, seconds=math.nan)
            score = self._score.of_answer(answer)
            self._samples.add(CHALLENGER, key, failed=answer is None, score=score, seconds=seconds)
        self._on_scored(message, answers)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Receive what a worker sends until it ends the connection; a full queue makes it drop rows."""
        try:
            while True:
                facts, batch = HEADER.unpack(await reader.readexactly(HEADER.size))
                if facts + batch > MOST_BYTES:
                    raise ValueError("a message of another version")
                body = await reader.readexactly(facts + batch)
                await self._received.put(decode(body[:facts], body[facts:]))
        except (asyncio.IncompleteReadError, ConnectionError):  # the worker has ended
            pass
        except asyncio.CancelledError:  # at the end of the process; Python 3.11 logs a cancelled connection
            pass
        finally:
            writer.close()

    async def score_always(self) -> None:
        """Score what was received, all of it that waits together."""
        while True:
            messages = [await self._received.get()]
            rows = len(messages[0].keys)
            while rows < _MOST_ROWS and not self._received.empty():
                messages.append(self._received.get_nowait())
                rows += len(messages[-1].keys)
            self.score(messages)
            await asyncio.sleep(0)  # the sockets are read between two batches

    async def flush_always(self) -> None:
        """Write what was remembered, every second."""
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            try:
                self._samples.flush()
            except OSError as error:  # a full disk
                _LOG.error("the statistics of the shadow are not written: %s", error.strerror)


def scored(model: ServedModel, rows: Sequence[Mapping[str, Any]] | pa.RecordBatch) -> Answers:
    """The answers to rows, as the service gives them."""
    if not isinstance(rows, pa.RecordBatch):
        return model.score_rows(rows).outputs
    found = model.score(rows.append_column(POSITION, pa.array(np.arange(rows.num_rows))))
    answers: list[Mapping[str, Any] | None] = [None] * rows.num_rows
    for answer in found.predicted.to_pylist():
        answers[answer.pop(POSITION)] = answer
    return answers
