"""The process that scores a shadow, so that a challenger neither delays nor stops the workers that answer.

The supervisor starts it with the run folder and the project as arguments, and ends it by closing its standard
input. Workers send rows to its socket.
"""

import asyncio
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from mlops_assets.serving.canary.deployed import challenge_folder, read_challengers
from mlops_assets.serving.canary.frames import ShadowRows
from mlops_assets.serving.canary.problems import report_problem
from mlops_assets.serving.canary.samples import SampleWriter
from mlops_assets.serving.canary.shadow import Answers, Shadow
from mlops_assets.serving.canary.shadow_link import write_address
from mlops_assets.serving.engine.served_model import ServedModel
from mlops_assets.serving.error_texts import error_message
from mlops_assets.serving.log.prediction_log import PredictionLog
from mlops_assets.serving.process.run_folder import RunFolder
from mlops_assets.stores.prediction_log.columns import SHADOW

_NICE = 10


async def run_shadow(run: RunFolder, project: str) -> None:
    """Score a shadow until standard input ends."""
    deployed = read_challengers(run.path)[project]
    folder = challenge_folder(run.path, project, deployed.challenge)
    config = run.wait_for_config()
    try:
        model = ServedModel.load(config.project(project), deployed.deployed)
    except Exception as error:  # whatever a version raises
        report_problem(folder, f"version {deployed.deployed.version} does not load: {error_message(error)}")
        raise
    log = PredictionLog(config, run.path)

    def add_to_log(rows: ShadowRows, answers: Answers) -> None:
        log.add(
            project,
            model,
            request_id=rows.request_id,
            rows=rows.rows,
            outputs=answers,
            role=SHADOW,
            route=rows.route,
        )

    samples = SampleWriter(folder, deployed.salt, deployed.window_seconds)
    shadow = Shadow(model, samples, add_to_log)
    with TemporaryDirectory(prefix="mlops-shadow-") as sockets:  # paths of sockets must be short
        server = await asyncio.start_unix_server(shadow.serve, Path(sockets) / "s")
        write_address(folder, Path(sockets) / "s")
        tasks = [asyncio.create_task(each) for each in (shadow.score_always(), shadow.flush_always())]
        async with log.running():
            await asyncio.to_thread(sys.stdin.buffer.read)
            for task in tasks:
                task.cancel()
        server.close()


def _yield_to_workers() -> None:
    """Let every other process run first: beside a nice process, workers wait for the end of a time slice."""
    os.nice(_NICE)
    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def main() -> None:
    """Score the shadow of the project in the arguments."""
    _yield_to_workers()
    folder, project = sys.argv[1:]
    asyncio.run(run_shadow(RunFolder(Path(folder)), project))


if __name__ == "__main__":
    main()
