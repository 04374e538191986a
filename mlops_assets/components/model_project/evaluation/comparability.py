"""Whether challenger and champion can be compared on the same rows, after a project has changed."""

import json
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.project.metadata_names import EXPRESSION
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names
from mlops_assets.stores.project_folder.files import TARGET_SQL

if TYPE_CHECKING:
    from mlops_assets.ml.model.model_spec import ModelSpec
    from mlops_assets.stores.tracking.registry import Version
    from mlops_assets.stores.tracking.trained_model import TrainedModel


def other_rows(project: Project, challenger: "Version | TrainedModel", champion: "Version") -> str | None:
    """Why the training rows of the champion can't be compared with the holdout; None if they can."""
    if ("cutoff" in challenger.facts) != ("cutoff" in champion.facts):
        return "only one of them was trained on partitions"
    if project.timeline is not None:
        return None
    table = project.table_key(names.VALIDATED).path
    known = json.loads(champion.facts["inputs"])
    return None if "/".join(table) in known else f"the champion was trained on another table than {table[-1]}"


def other_target(challenger: "ModelSpec", champion: "ModelSpec") -> str | None:
    """Why the predictions of both do not have the same meaning; None if they do."""
    if challenger.task != champion.task:
        return f"the task is {challenger.task}, and it was {champion.task}"
    if challenger.classes != champion.classes:
        ours, theirs = (", ".join(map(str, spec.classes)) for spec in (challenger, champion))
        return f"the classes of {challenger.target} are {ours}, and they were {theirs}"
    return None


def has_redefined_target(
    challenger: "Version", champion: "Version", specs: "tuple[ModelSpec, ModelSpec]"
) -> bool:
    """Whether the champion was trained on a target of another column, expression, or `target.sql`."""
    if challenger.facts.get(EXPRESSION) != champion.facts.get(EXPRESSION):
        return True
    code = [json.loads(version.facts.get(names.CODE_DIGESTS, "{}")) for version in (challenger, champion)]
    known = all(TARGET_SQL in digests for digests in code)
    return specs[0].target != specs[1].target or (known and code[0][TARGET_SQL] != code[1][TARGET_SQL])
