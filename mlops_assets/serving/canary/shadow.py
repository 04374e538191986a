"""The scoring of a shadow: rows that workers send, and the statistics of both versions."""

import asyncio
import logging
import math
from collections.abc import Mapping, Sequence
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

Answers = Sequence[Mapping[str, Any] | None]


class Shadow:
    """The challenger and the statistics of both versions."""

    def __init__(self, model: ServedModel, samples: SampleWriter) -> None:
        self.model, self._samples = model, samples
        self._score = ComparedScore.of(model.model.spec)
        self._reported: set[str] = set()

    def score(self, message: ShadowRows) -> Answers:
        """Score the rows of a message, and remember both versions' answers; None for a row that failed."""
        started = perf_counter()
        try:
            answers = scored(self.model, message.rows)
        except Exception as error:  # whatever a version raises: its rows have failed
            if type(error).__name__ not in self._reported:
                self._reported.add(type(error).__name__)
                _LOG.error("version %d: %s", self.model.version, type(error).__name__)
            answers = [None] * len(message.keys)
        seconds = perf_counter() - started if len(message.keys) == 1 else math.nan
        for key, before, answer in zip(message.keys, message.scores, answers, strict=True):
            failed, score = before is None, math.nan if before is None else before
            self._samples.add(CHAMPION, key, failed=failed, score=score, seconds=math.nan)
            score = self._score.of_answer(answer)
            self._samples.add(CHALLENGER, key, failed=answer is None, score=score, seconds=seconds)
        return answers

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Score what a worker sends until it ends the connection."""
        try:
            while True:
                facts, batch = HEADER.unpack(await reader.readexactly(HEADER.size))
                if facts + batch > MOST_BYTES:
                    raise ValueError("a message of another version")
                body = await reader.readexactly(facts + batch)
                self.score(decode(body[:facts], body[facts:]))
        except (asyncio.IncompleteReadError, ConnectionError):  # the worker has ended
            pass
        finally:
            writer.close()

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
