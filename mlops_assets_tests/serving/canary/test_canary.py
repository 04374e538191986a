"""A canary from its start to its withdrawal: ledger, supervisor, workers and answers, in one process."""

import asyncio
import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from mlops_assets.core.errors import StoreError
from mlops_assets.serving.canary.challengers import Challengers
from mlops_assets.serving.canary.deployed import DeployedChallengers, challenge_folder, read_challengers
from mlops_assets.serving.canary.frames import HEADER, decode
from mlops_assets.serving.canary.problems import report_problem
from mlops_assets.serving.canary.routing import takes_challenger
from mlops_assets.serving.canary.samples import CHALLENGER, CHAMPION, SampleWriter
from mlops_assets.serving.canary.shadow import Shadow
from mlops_assets.serving.canary.shadow_link import write_address
from mlops_assets.serving.canary.watch import ChallengeWatch
from mlops_assets.serving.config import ServedProject, ServingConfig
from mlops_assets.serving.deployment.state import ProjectDeployment, write_deployment
from mlops_assets.serving.deployment.versions import VersionFolders
from mlops_assets.serving.engine.engine import Engine
from mlops_assets.serving.engine.served_model import ServedModel
from mlops_assets.serving.http.app import create_app
from mlops_assets.stores.governance.challenge_report import read_reports
from mlops_assets.stores.governance.champion_ledger import ChampionLedger
from mlops_assets_tests.components.model_project.promotion.test_decide import decision, shop
from mlops_assets_tests.support.asgi import Answer, send_request
from mlops_assets_tests.support.governed_shop import events_of, findings

__all__ = ["shop"]
PREDICT = "/v1/projects/shop/predict"
ROWS = [
    {"customer": f"c{number}", "recent": number % 7, "days_since": number % 50, "amount": 3.5 * number}
    | {"channel": "web" if number % 2 else "shop"}
    for number in range(60)
]


@dataclass
class Service:
    """A supervisor's watch and a worker, without their processes."""

    shop: Any
    run: Path

    def __post_init__(self) -> None:
        shop, state = self.shop, self.shop.state
        settings = shop.project.settings.serving.model_dump(mode="json")
        folder = str(shop.project.files.folder)
        served = ServedProject("shop", folder, None, ("customer",), settings=settings)
        self.config = ServingConfig(
            *((served,), str(state.warehouse), state.tracking_uri, str(state.artifacts), str(state.root))
        )
        folders = VersionFolders(self.config, self.run, print)
        write_deployment(self.run, {"shop": ProjectDeployment(folders.champion("shop"))})
        self.engine, self.challengers = Engine(self.config, self.run), Challengers(self.config, self.run)
        self.engine.refresh()
        self.app = create_app(self.engine, challengers=self.challengers)
        deployed = DeployedChallengers(self.run)
        self.watch = ChallengeWatch(self.config, folders, deployed, "shop", print, clock=lambda: self.now)
        self.now = 0.0

    def look(self) -> None:
        """The supervisor looks, and the worker follows."""
        self.now += 60
        asyncio.run(self.challengers.refresh())
        self.watch.look()
        asyncio.run(self.challengers.refresh())

    def ask(self, rows: list[dict[str, Any]], **headers: str) -> Answer:
        body = json.dumps({"rows": rows}).encode()
        return asyncio.run(send_request(self.app, PREDICT, body=[body], **headers))


@pytest.fixture
def service(shop, tmp_path) -> Service:
    return Service(shop, tmp_path)


class Broken(ServedModel):
    """A version that loads and can't predict."""

    def score_rows(self, rows, **_options):
        raise ValueError("a column of the pipeline is missing")


def versions(answer: Answer) -> list[int]:
    found = answer.problem
    return found.get("versions") or [found["version"]] * len(found["predictions"])


def test_a_canary_answers_its_share_until_the_guardrails_withdraw_it(service, monkeypatch):
    shop = service.shop
    service.look()
    expected = service.ask(ROWS).problem["predictions"]
    assert not read_challengers(service.run)

    decision(shop, decision="challenge", share=0.4)
    service.look()
    answer = service.ask(ROWS)
    assert answer.problem["predictions"] == expected  # bit for bit: version 2 has the model of version 1
    assert answer.headers["x-model-version"] == "1, 2"
    assert {*versions(answer)} == {1, 2}
    assert 12 <= versions(answer).count(2) <= 36
    chosen = dict(zip((row["customer"] for row in ROWS), versions(answer), strict=True))
    for row in ROWS[:8]:  # alone, and whatever else the request says
        single = service.ask([row], x_sticky_key="other").problem
        assert single["version"] == chosen[row["customer"]]
        assert single.get("role") == ("canary" if single["version"] == 2 else None)

    service.look()
    [challenge] = [one.challenge for one in read_challengers(service.run).values()]
    [report] = read_reports(shop.state.serving, "shop", challenge)
    assert report["champion"]["entities"] + report["challenger"]["entities"] == 60
    assert report["challenger"]["mean"] == pytest.approx(
        sum(
            one["probability"] for one, version in zip(expected, chosen.values(), strict=True) if version == 2
        )
        / [*chosen.values()].count(2)
    )

    unnamed = [{name: value for name, value in ROWS[0].items() if name != "customer"}] * 2
    for key in ("ada", "bob", "cem", "dan", "eva", "fay"):  # rows of no entity share the key of the request
        wanted = 2 if takes_challenger("shop", 2, key, 0.4) else 1
        assert versions(service.ask(unnamed, x_sticky_key=key)) == [wanted] * 2
        assert versions(service.ask(unnamed[:1], x_sticky_key=key)) == [wanted]

    monkeypatch.setattr(service.challengers.get("shop").model, "__class__", Broken)
    many = [{**ROWS[0], "customer": f"d{number}"} for number in range(300)]
    answer = service.ask(many)
    assert answer.status == 200
    assert {*versions(answer)} == {1}  # the champion answers what the canary can't
    monkeypatch.setattr(ChampionLedger, "record", _fail)
    service.look()
    assert not read_challengers(service.run)  # at once, although the ledger can't be written
    assert service.challengers.get("shop") is None
    assert events_of(shop)[-1] == ("challenged", 2)
    service.look()
    assert not read_challengers(service.run)
    monkeypatch.undo()
    service.look()
    service.look()
    assert events_of(shop)[-2:] == [("challenged", 2), ("withdrawn", 2)]
    event = shop.champion_ledger.ledger.entries()[-1].event
    assert event.actor == "guardrails"
    assert event.reason.startswith("error_rate_difference 0.")
    assert event.details["challenge"] == challenge
    assert event.details["challenger"]["failed"] > 80
    assert shop.champion_ledger.review().state.challenger is None
    assert not any(findings(shop).values())
    assert {*versions(service.ask(many))} == {1}


def _fail(*_events: object) -> None:
    raise StoreError("the warehouse is locked")


def test_a_shadow_scores_the_same_rows_and_never_answers(service):
    shop = service.shop
    decision(shop, decision="challenge", mode="shadow")
    received: list[bytes] = []

    async def serve() -> None:
        async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            received.append(await reader.read())
            writer.close()

        service.watch._keep_shadow = lambda *_: None  # the process that would score
        service.watch.look()
        await service.challengers.refresh()
        folder, socket = _folder(service), service.run / "s"
        server = await asyncio.start_unix_server(read, socket)
        rows = {"rows": ROWS[:3]}
        before = await send_request(service.app, PREDICT, body=[json.dumps(rows).encode()])
        write_address(folder, socket)
        await service.challengers.refresh()
        answer = await send_request(service.app, PREDICT, body=[json.dumps(rows).encode()])
        assert (versions(answer), before.problem["predictions"]) == ([1] * 3, answer.problem["predictions"])
        await asyncio.sleep(0)  # rows are sent after the answer
        await service.challengers.get("shop").close()
        await asyncio.sleep(0.05)
        server.close()

    asyncio.run(serve())
    deployed = read_challengers(service.run)["shop"]
    [body] = received
    facts, batch = HEADER.unpack(body[: HEADER.size])
    message = decode(body[HEADER.size : HEADER.size + facts], b"")
    assert (batch, message.rows) == (0, ROWS[:3])
    assert message.keys == ["c0", "c1", "c2"]
    model = ServedModel.load(service.config.projects[0], deployed.deployed)
    shadow = Shadow(model, samples := SampleWriter(_folder(service), deployed.salt, 3600))
    one, other = shadow.score([message, message._replace(keys=["d0", "d1", "d2"])])  # in one batch
    assert [answer["probability"] for answer in one] == message.scores
    assert one == other
    samples.flush()
    service.now += 60
    service.watch.look()
    [report] = read_reports(shop.state.serving, "shop", deployed.challenge)
    assert (report["champion"]["entities"], report["challenger"]["entities"]) == (6, 6)
    assert report["champion"]["mean"] == report["challenger"]["mean"]
    assert report["dropped"] == 3  # before there was a process
    observe_failures(samples, 300)
    service.watch.look()
    [report] = read_reports(shop.state.serving, "shop", deployed.challenge)
    assert next(check["breached"] for check in report["checks"]), "reported, and not withdrawn"
    [(role, served)] = service.watch._deployed.served("shop").items()
    assert (role, served.version, served.workers) == ("shadow", deployed.deployed.version, None)
    report_problem(_folder(service), "version 2 does not load")
    assert service.watch._deployed.served("shop") == {}
    current = service.watch._current
    settings = {**current.challenger.guardrails, "withdraw_shadow": True}
    current.challenger = replace(current.challenger, guardrails=settings)
    observe_failures(samples, 500)
    service.watch.look()
    assert not read_challengers(service.run)
    assert events_of(shop)[-1] == ("withdrawn", 2)


def observe_failures(samples: SampleWriter, entities: int) -> None:
    """Report entities for which the challenger fails."""
    for number in range(entities):
        samples.add(CHAMPION, f"e{number}", failed=False, score=0.5, seconds=math.nan)
        samples.add(CHALLENGER, f"e{number}", failed=True, score=math.nan, seconds=math.nan)
    samples.flush()


def _folder(service: Service) -> Path:
    return challenge_folder(service.run, "shop", read_challengers(service.run)["shop"].challenge)
