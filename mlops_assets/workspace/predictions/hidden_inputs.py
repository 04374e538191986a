"""Columns of a table that no model reads: target, weight, and what only the target expression reads."""

from collections.abc import Sequence

from mlops_assets.components.model_project.project.metadata_names import TARGET, TARGET_EXPRESSION, WEIGHT
from mlops_assets.workspace.workspace import Workspace


def hidden_inputs(workspace: Workspace, project: str, table: str, known: Sequence[str]) -> list[str]:
    """The columns of the table of a static project that rows to predict do not need.

    Parameters
    ----------
    known
        Columns of the contract of the table.
    """
    from mlops_assets.ml.features.target_expression import TargetExpression

    metadata = workspace.metadata(project, TARGET)
    hidden = [str(metadata[name]) for name in (TARGET, WEIGHT) if name in metadata]
    if TARGET_EXPRESSION in metadata:
        declared = metadata[TARGET_EXPRESSION].value
        subject, keep = f"{project}: target.expression", tuple(declared["keep"])
        hidden += TargetExpression(declared["expression"], table, subject, keep).hidden(known)
    return hidden
