"""Records of workers: each entity once in a window, no values of rows, and files that are removed."""

import math
from pathlib import Path

import numpy as np
import pytest

from mlops_assets.serving.canary.guardrails import Guardrails
from mlops_assets.serving.canary.samples import (
    CHALLENGER,
    CHAMPION,
    RECORD_TYPE,
    SampleReader,
    SampleWriter,
    arms_of,
)
from mlops_assets.serving.canary.statistics import ChallengeStatistics

SALT, HOUR = "00" * 16, 3600.0


def add(writer: SampleWriter, key: str, score: float = 0.5, *, arm: int = CHAMPION, failed: bool = False):
    writer.add(arm, key, failed=failed, score=math.nan if failed else score, seconds=0.001)


def test_an_entity_counts_once_whichever_worker_answers_it(tmp_path: Path):
    writers = [SampleWriter(tmp_path, SALT, HOUR) for _ in range(2)]
    for writer in writers:
        for key, score in (("anna", 0.1), ("anna", 0.9), ("berta", 0.3)):
            add(writer, key, score)
        add(writer, "anna", 0.7, arm=CHALLENGER)
        writer.flush()
    champion, challenger = arms_of(SampleReader(tmp_path, HOUR).read(0))
    assert (champion.count, challenger.count) == (2, 1)
    assert sorted(champion.scores) == [0.1, 0.3]
    assert b"anna" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


def test_an_entity_has_failed_if_one_of_its_requests_has(tmp_path: Path):
    writer = SampleWriter(tmp_path, SALT, HOUR)
    add(writer, "anna")
    add(writer, "anna", failed=True)
    add(writer, "berta", failed=True)
    add(writer, "carla")
    writer.flush()
    champion, _ = arms_of(SampleReader(tmp_path, HOUR).read(0))
    assert (champion.count, champion.failed, len(champion.scores)) == (3, 2, 2)


def test_only_new_and_complete_records_are_read(tmp_path: Path):
    writer, reader = SampleWriter(tmp_path, SALT, HOUR), SampleReader(tmp_path, HOUR)
    add(writer, "anna")
    writer.flush()
    assert (len(reader.read(0)), len(reader.read(0))) == (1, 0)
    add(writer, "berta")
    writer.flush()
    [file] = tmp_path.iterdir()
    with file.open("ab") as appended:
        appended.write(b"half")
    assert len(reader.read(0)) == 1


def test_files_of_past_windows_are_removed_after_they_were_read(tmp_path: Path, monkeypatch):
    now = 1_000 * HOUR
    monkeypatch.setattr("mlops_assets.serving.canary.samples.time", lambda: now)
    writer, reader = SampleWriter(tmp_path, SALT, HOUR), SampleReader(tmp_path, HOUR)
    add(writer, "anna")
    now += HOUR
    add(writer, "anna")  # of another window
    writer.flush()
    assert len(reader.read(now)) == 2
    reader.read(now + HOUR)
    assert [file.name.split("-")[0] for file in tmp_path.iterdir()] == ["1001"]


def records(first: int, count: int) -> np.ndarray:
    found = np.zeros(2 * count, RECORD_TYPE)
    found["key"], found["arm"] = np.tile(np.arange(first, first + count), 2), np.repeat((0, 1), count)
    return found


def test_looks_become_rarer_as_entities_are_added():
    statistics = ChallengeStatistics(Guardrails(minimum_entities=100), 0.0)
    looks = []
    for first in range(0, 1_000, 10):
        if statistics.add(records(first, 10), 1.0) is not None:
            looks.append(first + 10)
    assert looks == [100, 130, 170, 220, 280, 350, 440, 550, 690, 870]
    assert statistics.last is not None
    assert statistics.last.number == 10


def test_a_window_starts_again_after_its_length_and_not_without_entities():
    statistics = ChallengeStatistics(Guardrails(minimum_entities=10, window_minutes=1), 0.0)
    assert statistics.add(records(0, 5), 61.0) is None
    assert statistics.add(records(5, 5), 62.0).number == 1
    assert statistics.add(records(0, 9), 63.0) is None  # of a new window, in which they count again
    assert statistics.arms[0].count == 9
    assert statistics.add(records(9, 1), 64.0).number == 2


@pytest.mark.parametrize("moved", [0.0, 0.6])
def test_another_distribution_of_scores_is_found(moved: float):
    random, found = np.random.default_rng(0), records(0, 2_000)
    found["score"] = random.random(4_000) + moved * found["arm"]
    look = ChallengeStatistics(Guardrails(), 0.0).add(found, 1.0)
    assert [check.guardrail for check in look.breaches] == (["score_distance"] if moved else [])
