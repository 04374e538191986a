"""Logs as lines of JSON."""

import io
import json
import logging
from threading import Event

from mlops_assets.serving import json_log
from mlops_assets.serving.json_log import JsonFormatter, LineWriter


def test_a_record_is_a_line_without_secrets():
    key = f"mlops_0123abcd_{'0' * 64}"
    record = logging.LogRecord("mlops_assets.x", logging.ERROR, "", 1, "a\nb %s", (key,), None)
    line = json.loads(JsonFormatter().format(record))
    assert (line["level"], line["logger"]) == ("error", "mlops_assets.x")
    assert line["message"] == "a\nb mlops_0123abcd_***"
    assert line["time"].endswith("Z")


def test_all_lines_are_written_before_the_end():
    stream = io.BytesIO()
    writer = LineWriter(stream)
    for number in range(1000):
        writer.write({"number": number})
    writer.close()
    assert [json.loads(line)["number"] for line in stream.getvalue().splitlines()] == list(range(1000))


def test_a_slow_output_delays_nothing_and_lines_beyond_the_limit_are_counted(monkeypatch):
    monkeypatch.setattr(json_log, "_MOST_LINES", 3)
    monkeypatch.setattr(json_log, "_SECONDS", 0.01)
    started, release = Event(), Event()

    class Slow(io.BytesIO):
        def write(self, data):
            started.set()
            release.wait(5)
            return super().write(data)

    stream = Slow()
    writer = LineWriter(stream)
    writer.write({"number": 0})
    assert started.wait(5)
    for number in range(1, 8):
        writer.write({"number": number})
    release.set()
    writer.close()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["number"] for line in lines if "number" in line] == [0, 1, 2, 3]
    assert sum(line.get("dropped", 0) for line in lines) == 4
