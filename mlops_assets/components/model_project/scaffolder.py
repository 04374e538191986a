"""What `dg scaffold defs mlops_assets.ModelProject NAME` writes: a folder to fill in.

Holds: the scaffolder and its templates.
"""

from typing import Any

from dagster.components import Scaffolder, ScaffoldRequest, scaffold_component

_SCHEMA = '''"""Contracts: what a row of each table may look like."""

import pandera.pandas as pa


class Rows(pa.DataFrameModel):
    """One row of the source. Rows that break a rule are quarantined, with the rule's name."""

    amount: float = pa.Field(ge=0, description="the unit belongs here")
    kind: str = pa.Field(nullable=True)
    outcome: float


class Features(pa.DataFrameModel):
    """What features.sql returns."""

    amount: float = pa.Field(ge=0)
    kind: str = pa.Field(nullable=True)
'''

_FEATURES = """-- One row of features for each row_id; the target is not visible here.
select
    row_id,
    amount,
    kind
from rows
"""


class ModelProjectScaffolder(Scaffolder):
    """Writes defs.yaml, schema.py and features.sql."""

    def scaffold(self, request: ScaffoldRequest[Any]) -> None:
        """Write the files into the folder that `dg` has chosen."""
        scaffold_component(
            request,
            {
                "description": "What is predicted, of what, and what for.",
                "task": "regression",
                "target": {"column": "outcome"},
                "tables": {"rows": {"source": f"data/raw/{request.target_path.name}/*.csv"}},
                "tuning": {"trials": 20},
            },
        )
        (request.target_path / "schema.py").write_text(_SCHEMA, "utf-8")
        (request.target_path / "features.sql").write_text(_FEATURES, "utf-8")
