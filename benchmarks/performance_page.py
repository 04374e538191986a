"""docs/performance.md: the tables of what was measured, in the text around them."""

from pathlib import Path
from typing import Any


def write_page(page: Path, kept: dict[str, Any]) -> None:
    """Put each table between its marks; all other text of the page stays."""
    text = page.read_text("utf-8")
    orders = kept["orders"]
    tables = {
        "machine": _machine(kept),
        "orders": _orders(orders),
        "phases": _phases(orders),
        "memory": _memory(orders),
    }
    if "housing" in kept:
        tables["housing"] = _housing(kept["housing"])
    for name, table in tables.items():
        before, begin, rest = text.partition(f"<!-- {name} -->")
        _, end, after = rest.partition(f"<!-- /{name} -->")
        if not end:
            raise SystemExit(f"{page} has no place for the table {name}")
        text = f"{before}{begin}\n{table}\n{end}{after}"
    page.write_text(text, "utf-8")


def _machine(kept: dict[str, Any]) -> str:
    machine, versions = kept["machine"], kept["versions"]
    packages = ", ".join(f"{name} {number}" for name, number in versions.items())
    return (
        f"{machine['cores']} cores ({machine['processor']}), {machine['memory_gib']} GiB, {machine['system']}"
        f"; {packages}. Load of the machine meanwhile: {machine['load']:.1f}."
    )


def _housing(found: dict[str, Any]) -> str:
    ours, script = found["ours"]["seconds"], found["script"]["seconds"]
    allowed = 1.15 * script + 8
    return (
        _table(
            ["", "seconds", "peak memory"],
            [
                ["the script", f"{script:.1f}", _gib(found["script"])],
                [
                    f"`mlops run california_housing --trials {found['trials']}`",
                    f"{ours:.1f}",
                    _gib(found["ours"]),
                ],
                ["1.15 × the script + 8 s", f"{allowed:.1f}", ""],
                [
                    "`mlops run` again, all up to date",
                    f"{found['again']['seconds']:.1f}",
                    _gib(found["again"]),
                ],
                ["of the script: its imports", f"{found['imports']['seconds']:.1f}", ""],
            ],
        )
        + f"\n\nMedians of {found['repeats']}; the script and the command in turns."
    )


def _orders(found: dict[str, Any]) -> str:
    lines = []
    for million, of in _by_rows(found):
        ours = of["ours"]
        sides = [_against(ours, of.get(side)) for side in ("polars", "duckdb", "pandas")]
        lines.append([f"{million} million", _both(ours), *sides, str(of["repeats"])])
    peers = ["Polars + pandera", "bare DuckDB", "pandas + pandera"]
    return _table(["rows", "`mlops run`", *peers, "medians of"], lines)


def _phases(found: dict[str, Any]) -> str:
    lines = []
    for million, of in _by_rows(found):
        steps = of["steps"]
        phases = ("raw", "validated", "features")
        rest = of["ours"]["seconds"] - sum(steps[phase] for phase in phases)
        both = [_beside(steps[phase], steps[f"bare {phase}"]) for phase in phases]
        lines.append([f"{million} million", *both, f"{rest:.1f}"])
    return _table(["rows", "raw", "validated", "features", "start and between the steps"], lines)


def _memory(found: dict[str, Any]) -> str:
    lines = [
        [
            f"{million} million",
            f"{of['csv_mib'] / 1024:.2f} GiB",
            *(_gib(of.get(side)) for side in ("ours", "polars", "duckdb", "pandas")),
        ]
        for million, of in _by_rows(found)
    ]
    return _table(
        ["rows", "CSV file", "`mlops run`", "Polars + pandera", "bare DuckDB", "pandas + pandera"], lines
    )


def _by_rows(found: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return sorted(found.items(), key=lambda pair: int(pair[0]))


def _both(side: dict[str, float]) -> str:
    return f"{side['seconds']:.1f} ({side['cpu_seconds']:.1f})"


def _against(ours: dict[str, float], peer: dict[str, float] | None) -> str:
    """Seconds and CPU seconds of a peer, and how many times as long ours takes."""
    if peer is None:
        return "not enough memory"
    return f"{_both(peer)}: {ours['seconds'] / peer['seconds']:.2f} ×"


def _beside(ours: float, bare: float) -> str:
    return f"{ours:.1f} / {bare:.1f} = {ours / bare:.2f}"


def _gib(side: dict[str, float] | None) -> str:
    return f"{side['peak_mib'] / 1024:.2f} GiB" if side else ""


def _table(header: list[str], lines: list[list[str]]) -> str:
    rows = [header, ["---", *(["---:"] * (len(header) - 1))], *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
