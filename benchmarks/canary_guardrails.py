"""How often the guardrails of a canary withdraw an equal version, and after how many rows a worse one.

    python -m benchmarks.canary_guardrails [--canaries 300] [--entities 200000]

Each canary has 10 % of the traffic, and looks as often as `mlops serve` does. Without a difference the share
of withdrawn canaries must be below `ALPHA`; with one, the table shows how many were withdrawn and when. The
last line withdraws by a Kolmogorov-Smirnov test at 5 % at the same looks, for comparison.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from mlops_assets.serving.canary.guardrails import (
    GROWTH,
    Arm,
    Guardrails,
    evaluate_guardrails,
)

SHARE = 0.1
Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]


@dataclass(frozen=True)
class Version:
    """What a version does: its error rate, and distributions of scores and seconds."""

    errors: float = 0.01
    shift: float = 0.0
    slower: float = 1.0

    def arm(self, random: np.random.Generator, count: int) -> tuple[NDArray, NDArray, NDArray]:
        failed = random.random(count) < self.errors
        scores = random.beta(2, 8, count) + self.shift
        seconds = random.lognormal(-8, 0.8, count) * self.slower
        return failed, scores, seconds


CASES = {
    "equal": Version(),
    "errors 1 % -> 2 %": Version(errors=0.02),
    "errors 1 % -> 3 % (the limit)": Version(errors=0.03),
    "errors 1 % -> 6 %": Version(errors=0.06),
    "errors 1 % -> 100 %": Version(errors=1.0),
    "scores + 0.02 (distance 0.08)": Version(shift=0.02),
    "scores + 0.06 (distance 0.23)": Version(shift=0.06),
    "scores + 0.15 (distance 0.53)": Version(shift=0.15),
    "latency x 1.9": Version(slower=1.9),
    "latency x 3": Version(slower=3.0),
}


def canary(random: np.random.Generator, version: Version, entities: int, *, naive: bool) -> int | None:
    """The number of entities of the canary at its withdrawal; None if it is not withdrawn."""
    most = int(entities * SHARE)
    ratio = (1 - SHARE) / SHARE
    champion, challenger = Version().arm(random, int(most * ratio)), version.arm(random, most)
    guardrails = Guardrails()
    count, look = guardrails.minimum_entities, 0
    while count <= most:
        look += 1
        arms = [_arm(champion, int(count * ratio)), _arm(challenger, count)]
        if naive:
            withdrawn = ks_2samp(arms[0].scores, arms[1].scores).pvalue < 0.05
        else:
            checks = evaluate_guardrails(guardrails, arms[0], arms[1], look)
            withdrawn = any(check.is_breached for check in checks)
        if withdrawn:
            return count
        count = int(count * GROWTH) + 1
    return None


def _arm(values: tuple[NDArray, NDArray, NDArray], count: int) -> Arm:
    failed, scores, seconds = (one[:count] for one in values)
    return Arm(count, int(failed.sum()), scores[~failed], seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--canaries", type=int, default=300)
    parser.add_argument("--entities", type=int, default=200_000)
    arguments = parser.parse_args()
    random = np.random.default_rng(0)
    cases = [(name, version, False) for name, version in CASES.items()]
    cases.append(("equal, KS test at 5 % at each look", Version(), True))
    print(f"{'canary':38} {'withdrawn':>10} {'entities of the canary: median':>32}")
    for name, version, naive in cases:
        found = [canary(random, version, arguments.entities, naive=naive) for _ in range(arguments.canaries)]
        ended = [count for count in found if count is not None]
        median = f"{np.median(ended):,.0f}" if ended else "-"
        print(f"{name:38} {len(ended) / len(found):>10.1%} {median:>32}", flush=True)


if __name__ == "__main__":
    main()
