"""Events of a run as lines, as a live table and as JSON lines."""

import io
import json
import os
import sys
import time

import dagster as dg
import pytest
from rich.console import Console

from mlops_assets.cli.output.run_display import (
    JsonLines,
    Lines,
    LiveTable,
    _beside_captured_output,
    display_of,
    machine_log,
)
from mlops_assets.core.errors import DataError
from mlops_assets.workspace.run_events import RunEvent

STEPS = {"one": [dg.AssetKey(["lending", "validated_loans"]), dg.AssetKey(["lending", "quarantine_loans"])]}
ABOUT = {"step": "one", "assets": ("validated_loans", "quarantine_loans"), "run_id": "r1"}
EVENTS = [
    RunEvent("running", 10.0, partition="2024-01", **ABOUT),
    RunEvent("log", 11.0, "trial [1]", partition="2024-01", **ABOUT),
    RunEvent("failed", 12.5, "broken", level="error", partition="2024-01", seconds=2.5, **ABOUT),
    RunEvent("done", 15.0, partition="2024-02", seconds=1.0, **ABOUT),
    RunEvent("note", 16.0, "no [model] yet"),
]


def test_each_event_is_a_line():
    console = Console(file=io.StringIO(), width=200)
    with Lines(console) as shown:
        for event in EVENTS:
            shown.show(event)
    assert console.file.getvalue().splitlines() == [
        "2024-01 validated_loans, quarantine_loans: running",
        "2024-01 validated_loans, quarantine_loans: trial [1]",
        "2024-01 validated_loans, quarantine_loans: failed, 2.5 s",
        "2024-02 validated_loans, quarantine_loans: done, 1.0 s",
        "note: no [model] yet",
    ]


def test_a_live_table_keeps_a_failure_visible():
    console = Console(file=io.StringIO(), width=120, force_terminal=True, no_color=True)
    with LiveTable(console, STEPS, partitioned=True) as shown:
        for event in EVENTS:
            shown.show(event)
    last = console.file.getvalue().replace("\x1b", "").splitlines()
    [row] = [line.split() for line in last if line.startswith("validated_loans")][-1:]
    assert "failed" in " ".join(row)
    assert "3.5" in row
    assert "trial [1]" in " ".join(row)


def test_a_live_table_is_updated_while_stdout_is_captured_in_a_file(tmp_path):
    """As Dagster captures the output of a step: by the file descriptor."""
    leader, follower = os.openpty()
    with (
        os.fdopen(follower, "w") as stream,
        LiveTable(_beside_captured_output(Console(file=stream)), STEPS) as shown,
    ):
        with (tmp_path / "captured").open("w") as captured:
            os.dup2(captured.fileno(), stream.fileno())
        shown.show(EVENTS[0])
        time.sleep(1)
        output = os.read(leader, 10_000).decode()
    assert "running" in output
    os.close(leader)


def test_json_lines_have_every_field_and_are_alone_on_stdout(capsys):
    with machine_log(True) as log:
        sys.stdout.write("other output\n")
        with display_of(Console(), "lending", STEPS, partitioned=False, log=log) as shown:
            for event in EVENTS:
                shown.show(event)
    printed = capsys.readouterr()
    lines = [json.loads(line) for line in printed.out.splitlines()]
    assert [line["event"] for line in lines] == ["running", "log", "failed", "done", "note"]
    assert lines[2] == {
        "time": "1970-01-01T00:00:12.500000+00:00",
        "level": "error",
        "project": "lending",
        "assets": ["validated_loans", "quarantine_loans"],
        "partition": "2024-01",
        "event": "failed",
        "message": "broken",
        "seconds": 2.5,
        "run_id": "r1",
    }
    assert printed.err == "other output\n"


def test_an_exception_is_the_last_json_line():
    stream = io.StringIO()
    with pytest.raises(DataError), JsonLines(stream, "lending"):
        raise DataError("no file", hint="bring one")
    [line] = map(json.loads, stream.getvalue().splitlines())
    assert (line["level"], line["event"], line["message"]) == ("error", "failed", "no file")
