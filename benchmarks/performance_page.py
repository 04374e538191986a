"""docs/performance.md: the tables of what was measured, in the text around them."""

from pathlib import Path
from typing import Any


def write_page(page: Path, kept: dict[str, Any]) -> None:
    """Put each table between its marks; all other text of the page stays."""
    text = page.read_text("utf-8")
    tables = {"machine": _machine(kept), "orders": _orders(kept["orders"]), "memory": _memory(kept["orders"])}
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
    for million, of in sorted(found.items(), key=lambda pair: int(pair[0])):
        steps, pandas = of["steps"], of["pandas"]
        ours = of["ours"]["seconds"]
        lines.append(
            [
                f"{million} million",
                _beside(steps["raw"], steps["bare raw"]),
                f"{steps['validated']:.1f}",
                _beside(steps["features"], steps["bare features"]),
                f"{ours:.1f}",
                f"{pandas['seconds']:.1f} ({pandas['seconds'] / ours:.1f} ×)"
                if pandas
                else "not enough memory",
                str(of["repeats"]),
            ]
        )
    header = ["rows", "raw", "validated", "features", "whole command", "pandas + pandera", "medians of"]
    return _table(header, lines)


def _memory(found: dict[str, Any]) -> str:
    lines = [
        [f"{million} million", f"{of['csv_mib'] / 1024:.2f} GiB", _gib(of["ours"]), _gib(of["pandas"])]
        for million, of in sorted(found.items(), key=lambda pair: int(pair[0]))
    ]
    return _table(["rows", "CSV file", "`mlops run`", "pandas + pandera"], lines)


def _beside(ours: float, bare: float) -> str:
    return f"{ours:.1f} / {bare:.1f} = {ours / bare:.1f}"


def _gib(side: dict[str, float] | None) -> str:
    return f"{side['peak_mib'] / 1024:.2f} GiB" if side else ""


def _table(header: list[str], lines: list[list[str]]) -> str:
    rows = [header, ["---", *(["---:"] * (len(header) - 1))], *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
