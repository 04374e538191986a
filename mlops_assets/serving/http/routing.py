"""Routes that record their template, which logs, metrics and observers show instead of the path."""

from starlette.routing import Match, Route
from starlette.types import Scope


class TemplateRoute(Route):
    """A route that sets `route` of the scope, as those of FastAPI do."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As of `Route`."""
        match, found = super().matches(scope)
        return match, found if match is Match.NONE else {**found, "route": self}
