"""How long the definitions take to load, beside a bare Dagster project with as many assets.

Every process that Dagster starts pays this. Run: .venv/bin/python benchmarks/definitions_load.py [rounds]
Fresh processes, one after the other in turns; medians of wall time.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BARE_ASSET = "@dg.asset(deps={deps})\ndef asset_{number}() -> None: ...\n"
OURS = "import mlops_assets.definitions as d; d.defs().resolve_asset_graph()"
BARE = "import bare; bare.defs.resolve_asset_graph()"


def main(rounds: int) -> None:
    """Print both medians and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        count = asset_count()
        write_bare_project(Path(folder), count)
        seconds: dict[str, list[float]] = {BARE: [], OURS: []}
        for _ in range(rounds + 1):  # the first round warms the disk cache
            for statement, found in seconds.items():
                found.append(run(statement, folder))
    bare, ours = (statistics.median(found[1:]) for found in seconds.values())
    print(f"{count} assets, medians of {rounds} fresh processes")
    print(f"bare Dagster   {bare:.2f} s")
    print(f"mlops_assets   {ours:.2f} s")
    print(f"ratio          {ours / bare:.2f}")


def asset_count() -> int:
    """How many assets our definitions hold."""
    from mlops_assets.definitions import defs

    return len(list(defs().resolve_all_asset_specs()))


def write_bare_project(folder: Path, count: int) -> None:
    """A module with a chain of assets that do nothing."""
    lines = ["import dagster as dg\n"]
    for number in range(count):
        deps = f"[asset_{number - 1}]" if number else "[]"
        lines.append(BARE_ASSET.format(deps=deps, number=number))
    assets = ", ".join(f"asset_{number}" for number in range(count))
    lines.append(f"defs = dg.Definitions(assets=[{assets}])\n")
    (folder / "bare.py").write_text("".join(lines), "utf-8")


def run(statement: str, folder: str) -> float:
    """Seconds of one fresh process."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], cwd=folder, check=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
