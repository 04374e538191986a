"""Rules of the HTTP service across settings."""

from typing import TYPE_CHECKING

from mlops_assets.components.model_project.settings.base import Errors

if TYPE_CHECKING:
    from mlops_assets.components.model_project.settings.project import ProjectSettings


def serving_errors(settings: "ProjectSettings") -> Errors:
    """Conflicts of `serving` with other settings."""
    yield from _online_errors(settings)


def _online_errors(settings: "ProjectSettings") -> Errors:
    online = settings.serving.online
    if online is None:
        if settings.freshness.online_hours is not None:
            yield "freshness.online_hours", "requires online features; declare `serving.online`"
        return
    if settings.partitions is None:
        yield (
            "serving.online",
            "is for event projects only, whose entities have features; rows of other projects are complete",
        )
    given = online.model_fields_set
    for name in sorted(given & {"url_env", "key_prefix"}) if online.store != "redis" else ():
        yield f"serving.online.{name}", "is for Redis; declare `store: redis`, or remove it"
    if "stale" in given and online.ttl_hours is None:
        yield "serving.online.stale", "requires ttl_hours, the age from which features are stale"
