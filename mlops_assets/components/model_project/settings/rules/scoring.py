"""Rules of the partitions of the rows to predict."""

from typing import TYPE_CHECKING

from mlops_assets.components.model_project.settings.base import Errors
from mlops_assets.components.model_project.settings.tables import SourceSettings
from mlops_assets.core import names
from mlops_assets.core.errors import ProjectError

if TYPE_CHECKING:
    from mlops_assets.components.model_project.settings.project import ProjectSettings


def scoring_errors(settings: "ProjectSettings") -> Errors:
    """The errors in the partitions of the rows to predict."""
    scoring = settings.scoring
    if scoring is None:
        return
    if scoring.partitions is None:
        if scoring.arrival:
            yield "scoring.arrival", "requires scoring.partitions, whose keys it determines"
        return
    try:
        assert scoring.periods is not None
    except ProjectError as error:
        yield "scoring.partitions.start", error.message + (f"; {error.hint}" if error.hint else "")
    source, arrival = scoring.source, scoring.arrival
    if isinstance(source, SourceSettings) and source.asset and arrival:
        yield "scoring.arrival", "is for files and queries; an asset is read by its own partitions"
    if isinstance(source, SourceSettings) and source.sql and not arrival:
        yield "scoring.arrival", "is missing: name the column that dates the rows of the query"
    if arrival in (settings.target.column, settings.weight) and arrival:
        what = "target" if arrival == settings.target.column else "weight"
        yield "scoring.arrival", f"is {arrival}, which is the {what}; name another column"
    if arrival and arrival.lower() in names.RESERVED:
        yield "scoring.arrival", f"is {arrival}, a reserved name; rename the column in the source"
