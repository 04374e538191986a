"""What a path of the service is about: a project, the metrics, the description of the API, or its health."""

from collections.abc import Collection

from mlops_assets.serving.http.guards.asgi import Scope

HEALTH = frozenset({"/healthz", "/readyz", "/ping", "/health", "/v2/health/live", "/v2/health/ready"})
"""Paths that orchestrators and load balancers read: they reveal nothing, and must answer under load."""
METRICS = "/metrics"
UNKNOWN_ROUTE = "other"
"""The route of a path that no route fits: clients choose it, and it is neither logged nor counted."""
OPENAPI, DOCS = "/openapi.json", "/docs"
_OF_PROJECT = (("v1", "projects"), ("v2", "models"))
_OF_THE_ONLY_PROJECT = ("/invocations",)


class Paths:
    """The paths of a service.

    Parameters
    ----------
    projects
        Names of the served projects.
    """

    def __init__(self, projects: Collection[str]) -> None:
        self._only = next(iter(projects)) if len(projects) == 1 else None

    def project(self, path: str) -> str | None:
        """Return the project that a path names, served or not; None if it is about none."""
        parts = path.split("/", 4)
        if len(parts) > 3 and (parts[1], parts[2]) in _OF_PROJECT and parts[3]:
            return parts[3]
        return self._only if path in _OF_THE_ONLY_PROJECT else None


def is_documentation(path: str) -> bool:
    """Whether a path describes the API: the document, the page, or a file of the page."""
    return path in (OPENAPI, DOCS) or path.startswith(f"{DOCS}/")


def route_of(scope: Scope) -> str | None:
    """Return the template of the path that the application chose; None if no route fits.

    A path itself may contain anything, and is neither logged nor counted.
    """
    template: str | None = getattr(scope.get("route"), "path", None)
    return template
