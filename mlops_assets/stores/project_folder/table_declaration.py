"""How `defs.yaml` declares that the rows of a table are written, as plain values."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self, cast

from mlops_assets.ml.contracts.column_format import ColumnFormat
from mlops_assets.ml.contracts.time_sql import UTC_ZONE, Ambiguous

if TYPE_CHECKING:
    from mlops_assets.ml.contracts.contract import Contract
    from mlops_assets.stores.project_folder.files import ProjectFiles


@dataclass(frozen=True)
class TableDeclaration:
    """The settings of a table that its contract depends on, beside `schema.py`.

    Attributes
    ----------
    key
        The columns that identify a row.
    decimal, thousands, time_zone, ambiguous_times
        See `Column`.
    formats
        Formats of single columns, as `ColumnFormat.to_settings` returns them.
    sensitive
        Columns that are sensitive beside those whose metadata in `schema.py` says so.
    """

    name: str
    key: tuple[str, ...] = ()
    decimal: str = "."
    thousands: str = ""
    time_zone: str = UTC_ZONE
    ambiguous_times: str = "quarantine"
    formats: Mapping[str, Any] = field(default_factory=dict)
    sensitive: tuple[str, ...] = ()

    def contract(self, files: "ProjectFiles") -> "Contract":
        """The contract of the table, of the class in `schema.py`."""
        return files.contract(
            self.name,
            key=self.key,
            spelling=(self.decimal, self.thousands),
            clock=(self.time_zone, cast("Ambiguous", self.ambiguous_times)),
            formats=[(name, ColumnFormat.from_settings(declared)) for name, declared in self.formats.items()],
            sensitive=self.sensitive,
        )

    def to_json(self) -> dict[str, Any]:
        """The declaration as values of JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The declaration that `to_json` wrote."""
        return cls(**{**values, "key": tuple(values["key"]), "sensitive": tuple(values["sensitive"])})
