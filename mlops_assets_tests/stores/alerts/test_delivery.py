"""Delivery to real receivers: once for an incident, again on recovery, with retries and after a crash."""

import multiprocessing
import os
import signal
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mlops_assets.stores.alerts.alert import KINDS, Condition
from mlops_assets.stores.alerts.channels.email import EmailSender
from mlops_assets.stores.alerts.channels.webhook import WebhookSender
from mlops_assets.stores.alerts.delivery import Channel, deliver
from mlops_assets.stores.alerts.incident_rows import Recipient
from mlops_assets.stores.alerts.incidents import open_incidents, undelivered
from mlops_assets.stores.alerts.quiet_hours import QuietHours
from mlops_assets_tests.support.receivers import free_port

NOW = datetime(2025, 6, 2, 12, 0, tzinfo=UTC)
UI = "https://dagster.example.com"
DRIFT = Condition("check:churn/drift_report:no_drift", "drift", "warning", "no_drift failed in 2025-05")
RUN = Condition(
    *("run:churn/features:2025-05", "run", "error", "features failed in 2025-05", "it broke", "2025-05"),
    asset="churn/features",
    run_id="0f0e",
)


def hook(**changes) -> Channel:
    sender = changes.pop("sender", WebhookSender("OPS_ADDRESS"))
    return replace(Channel("slack", sender, "webhook-1", frozenset(KINDS), "warning"), **changes)


class Project:
    """The alerts of a project, one tick at a time by a clock of the test."""

    def __init__(self, store, *channels, name="churn", repeat=None) -> None:
        self.store, self.channels, self.name, self.repeat = store, channels, name, repeat
        self.now = NOW

    def tick(self, *found, minutes=1, evaluated=KINDS):
        self.now += timedelta(minutes=minutes)

        def recipients(kind, severity):
            return [Recipient(one.name, one.target) for one in self.channels if one.accepts(kind, severity)]

        self.store.reconcile(self.name, found, evaluated, recipients, now=self.now, repeat=self.repeat)
        return deliver(self.store, self.name, self.channels, UI, clock=lambda: self.now)


def test_an_incident_is_sent_once_and_again_when_it_is_resolved(store, web):
    project = Project(store, hook())
    assert project.tick(RUN).sent == 1
    for _ in range(3):
        assert project.tick(RUN).sent == 0
    assert [one.title for one in open_incidents(store.folder.parent)] == ["features failed in 2025-05"]
    assert project.tick().sent == 1
    assert project.tick().sent == 0
    opened, resolved = web.texts
    assert opened == (
        "*ERROR churn: features failed in 2025-05*\nopened 2025-06-02 12:01 UTC\n```it broke```\n"
        "<https://dagster.example.com/runs/0f0e|run> · "
        "<https://dagster.example.com/assets/churn/features?view=partitions&partition=2025-05|asset>"
    )
    assert resolved.startswith(
        "*RESOLVED churn: features failed in 2025-05*\nopened 2025-06-02 12:01 UTC, resolved 2025-06-02 12:05"
    )
    assert open_incidents(store.folder.parent) == []
    assert project.tick(RUN).sent == 1, "the same condition later is another incident"


def test_a_kind_that_was_not_evaluated_stays_open(store, web):
    project = Project(store, hook())
    project.tick(RUN, DRIFT)
    project.tick(evaluated={"drift"})
    assert [one.kind for one in open_incidents(store.folder.parent)] == ["run"]
    assert web.texts[-1].startswith("*RESOLVED churn: no_drift failed")


def test_channels_send_the_kinds_and_severities_that_they_accept(store, web, mail):
    mails = EmailSender("127.0.0.1", mail.port, "ops@example.com", ("ada@example.com",), "none")
    channels = (
        hook(kinds=frozenset({"drift"})),
        hook(name="mail", target="mail", sender=mails, severity="error"),
    )
    project = Project(store, *channels)
    assert project.tick(RUN, DRIFT).sent == 2
    [text], [received] = web.texts, mail.mails
    assert "no_drift" in text
    assert received["Subject"] == "ERROR churn: features failed in 2025-05"
    assert project.tick(RUN, replace(DRIFT, severity="error")).sent == 2, "escalated: again, and by mail"
    assert [text.split(":")[0] for text in web.texts] == ["*WARNING churn", "*ERROR churn"]
    assert [one["Subject"] for one in mail.mails][1] == "ERROR churn: no_drift failed in 2025-05"
    assert project.tick(RUN, replace(DRIFT, severity="error")).sent == 0
    assert project.tick(RUN).sent == 2, "resolved, for both"


def test_a_condition_must_hold_before_it_is_sent(store, web):
    slow = replace(RUN, hold_seconds=300)
    project = Project(store, hook())
    assert project.tick(slow).sent == 0
    assert project.tick().sent == 0
    assert [project.tick(slow, minutes=2).sent for _ in range(4)] == [0, 0, 0, 1]
    assert len(web.texts) == 1


def test_an_event_is_sent_once_and_has_no_recovery(store, web):
    event = replace(RUN, key="promotion:3", kind="promotion", severity="warning", is_event=True)
    project = Project(store, hook())
    assert [project.tick(event).sent, project.tick().sent, project.tick(event).sent] == [1, 0, 0]
    assert open_incidents(store.folder.parent) == []


def test_an_open_incident_is_repeated_if_declared(store, web):
    project = Project(store, hook(), repeat=timedelta(hours=2))
    assert [project.tick(RUN, minutes=30).sent for _ in range(6)] == [1, 0, 0, 0, 1, 0]
    assert web.texts[1].startswith("*STILL ERROR churn")


def test_an_incident_of_the_installation_is_sent_once_to_a_shared_target(store, web, mail):
    full = Condition("disk:5", "disk", "error", "the disk is nearly full", shared=True)
    mails = EmailSender("127.0.0.1", mail.port, "ops@example.com", ("ada@example.com",), "none")
    churn = Project(store, hook())
    orders = Project(store, hook(), hook(name="mail", target="mail", sender=mails), name="orders")
    assert [churn.tick(full).sent, orders.tick(full).sent, churn.tick(full).sent] == [1, 1, 0]
    assert len(web.texts) == len(mail.mails) == 1
    assert [churn.tick().sent, orders.tick().sent] == [1, 1]
    assert web.texts[1].startswith("*RESOLVED Dagster: the disk is nearly full*")
    assert mail.mails[1]["Subject"] == "RESOLVED Dagster: the disk is nearly full"


def test_many_alerts_of_one_kind_are_one_message(store, web):
    blocked = [replace(RUN, key=f"check:{month}", title=f"blocked in {month}") for month in range(1, 8)]
    assert Project(store, hook()).tick(*blocked).sent == 7
    [text] = web.texts
    assert all(f"blocked in {month}*" in text for month in range(1, 8))


def test_a_receiver_that_fails_gets_the_alert_later_and_in_order(store, web):
    web.statuses = [500, 429]
    project = Project(store, hook())
    assert project.tick(RUN).errors == (
        "channel slack: the webhook of OPS_ADDRESS answered 500: no_service; it is tried again",
    )
    [waiting] = undelivered(store.folder.parent)
    assert (waiting.channel, waiting.attempts, waiting.gave_up) == ("slack", 1, False)
    assert project.tick(minutes=0.5).sent == 0, "resolved meanwhile, and not tried before the first retry"
    assert len(web.bodies) == 1
    assert project.tick(minutes=1).errors, "the second attempt"
    assert project.tick(minutes=3).sent == 2
    assert [text.split()[0] for text in web.texts[2:]] == ["*ERROR", "*RESOLVED"]
    assert undelivered(store.folder.parent) == []


def test_a_delivery_is_given_up_after_a_day_and_stays_visible(store, monkeypatch):
    monkeypatch.setenv("OPS_ADDRESS", f"http://127.0.0.1:{free_port()}/hook")
    project = Project(store, hook())
    attempts = sum(bool(project.tick(RUN, minutes=30).errors) for _ in range(60))
    assert 20 < attempts < 45, "retries become rare"
    [failed] = undelivered(store.folder.parent, "churn")
    assert failed.gave_up
    assert failed.error == "the webhook of OPS_ADDRESS can't be reached: [Errno 111] Connection refused"
    assert project.tick().sent == 0, "without the first alert, its recovery is not sent"


def test_a_slow_receiver_costs_little_time_and_delays_no_other_channel(store, web, mail):
    mails = EmailSender("127.0.0.1", mail.port, "ops@example.com", ("ada@example.com",), "none")
    web.delay = 1.0
    slow = hook(sender=WebhookSender("OPS_ADDRESS", seconds=0.3))
    project = Project(store, slow, hook(name="mail", target="mail", sender=mails))
    many = [replace(RUN, key=f"{kind}", kind=kind) for kind in ("run", "blocked", "sensor")]
    assert project.tick(*many).errors == (
        "channel slack: the webhook of OPS_ADDRESS did not answer within 0.3 s; it is tried again",
    )
    assert len(web.bodies) == 1, "one attempt, not one for each alert"
    assert len(mail.mails) == 3


def test_quiet_hours_hold_alerts_back_until_they_end(store, web):
    berlin = QuietHours(time(22), time(7), ZoneInfo("Europe/Berlin"), "critical")
    project = Project(store, hook(quiet=berlin))
    project.now = datetime(2025, 6, 2, 20, 30, tzinfo=UTC)  # 22:30 in Berlin
    assert project.tick(RUN, DRIFT).sent == 0
    assert project.tick(RUN, minutes=60).sent == 0, "the drift is resolved in the night"
    worse = replace(RUN, key="daemon", kind="daemon", severity="critical")
    assert project.tick(RUN, worse).sent == 1, "severe enough to pass"
    project.now = datetime(2025, 6, 3, 4, 58, tzinfo=UTC)
    assert project.tick(RUN, worse).sent == 0
    assert project.tick(RUN, worse).sent == 3, "07:00 in Berlin"
    assert [text.split(" ")[0] for text in web.texts] == ["*CRITICAL", "*ERROR", "*WARNING", "*RESOLVED"]


@pytest.mark.parametrize(
    ("at", "held"), [("03:29", False), ("03:30", True), ("12:00", True), ("13:15", False)]
)
def test_quiet_hours_within_a_day(at, held):
    quiet = QuietHours(time(3, 30), time(13, 15), ZoneInfo("UTC"))
    now = datetime.fromisoformat(f"2025-06-02T{at}+00:00")
    assert quiet.hold("critical", now) is held


def test_a_channel_that_is_not_declared_any_more_sends_nothing(store, web):
    web.statuses = [500]
    project = Project(store, hook())
    project.tick(RUN)
    project.channels = (hook(name="other", target="webhook-2"),)
    assert project.tick(RUN, minutes=30).sent == 0
    assert undelivered(store.folder.parent) == []


def test_an_unset_variable_is_an_error_of_the_delivery(store, monkeypatch):
    monkeypatch.delenv("OPS_ADDRESS", raising=False)
    [error] = Project(store, hook()).tick(RUN).errors
    assert error.startswith("channel slack: the environment variable OPS_ADDRESS is not set: set it for")


class Killed:
    """Kills its process before or after it sends."""

    markup = "slack"

    def __init__(self, moment: str) -> None:
        self.moment = moment

    def send(self, message) -> str:
        if self.moment == "after":
            WebhookSender("OPS_ADDRESS").send(message)
        os.kill(os.getpid(), signal.SIGKILL)
        return ""


def start_tick(store, channel: Channel) -> multiprocessing.Process:
    """A tick in a process of its own."""
    process = multiprocessing.get_context("fork").Process(target=Project(store, channel).tick, args=(RUN,))
    process.start()
    return process


def run_killed(moment: str, store) -> int | None:
    process = start_tick(store, hook(sender=Killed(moment)))
    process.join()
    return process.exitcode


@pytest.mark.parametrize(("moment", "received"), [("before", 0), ("after", 1)])
def test_a_process_killed_while_sending_causes_one_duplicate_at_most(store, web, moment, received):
    assert run_killed(moment, store) == -signal.SIGKILL
    assert len(web.bodies) == received
    project = Project(store, hook())
    assert project.tick(RUN).sent == 1
    assert [project.tick(RUN).sent for _ in range(2)] == [0, 0]
    assert len(web.bodies) == received + 1
    assert len({headers["Idempotency-Key"] for headers in web.headers}) == 1, "receivers can recognise it"


def test_a_delivery_that_is_killed_twice_is_not_tried_a_third_time(store, web):
    assert [run_killed("after", store), run_killed("after", store)] == [-signal.SIGKILL] * 2
    assert Project(store, hook()).tick(RUN).sent == 0
    assert len(web.bodies) == 2
    with store.connect() as connection:
        [row] = connection.execute("select state, error from deliveries").fetchall()
    assert tuple(row) == ("failed", "the process was killed while sending it")


def test_two_processes_at_once_send_an_alert_once(store, web):
    web.delay = 0.1
    ticks = [start_tick(store, hook()) for _ in range(3)]
    for tick in ticks:
        tick.join()
    assert [tick.exitcode for tick in ticks] == [0, 0, 0]
    assert len(web.bodies) == 1


def test_a_damaged_store_is_an_error_with_advice(store):
    store.folder.mkdir()
    store.file.write_bytes(b"no database, but long enough for a header" * 100)
    with pytest.raises(Exception, match=r"the store of alerts .*alerts\.db can't be used: file is not a"):
        Project(store, hook()).tick(RUN)


def test_reading_incidents_creates_nothing(tmp_path: Path):
    assert open_incidents(tmp_path) == undelivered(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_incidents_are_read_while_another_process_writes(store, web):
    Project(store, hook()).tick(RUN)
    with store.connect() as writing:
        writing.execute("delete from incidents")
        assert len(open_incidents(store.folder.parent)) == 1
    assert open_incidents(store.folder.parent) == []
