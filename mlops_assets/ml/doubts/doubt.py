"""A doubt about a table: the columns, what was found, and what to do."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Doubt:
    """What may be wrong with a table or with how it is used.

    Attributes
    ----------
    columns
        The columns that it is about.
    finding
        What was found, with figures.
    advice
        What to write into `defs.yaml`, or what else to do.
    """

    columns: tuple[str, ...]
    finding: str
    advice: str

    def __str__(self) -> str:
        return f"{self.finding}: {self.advice}"
