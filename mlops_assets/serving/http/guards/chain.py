"""All guards in front of an application, in the order in which they see a request."""

from pathlib import Path
from typing import BinaryIO

from starlette.middleware.cors import CORSMiddleware

from mlops_assets.serving.config import ServingConfig
from mlops_assets.serving.http.guards.api_keys import ApiKeys
from mlops_assets.serving.http.guards.asgi import App
from mlops_assets.serving.http.guards.concurrency import Concurrency
from mlops_assets.serving.http.guards.own_origins import OwnOrigins
from mlops_assets.serving.http.guards.paths import Paths
from mlops_assets.serving.http.guards.request_limits import Limits, RequestLimits
from mlops_assets.serving.http.guards.request_log import RequestLog
from mlops_assets.serving.http.guards.tracing import traced
from mlops_assets.serving.json_log import LineWriter
from mlops_assets.serving.keys.current_keys import CurrentKeys
from mlops_assets.serving.options import ServiceOptions
from mlops_assets.stores.system.host_addresses import allowed_addresses

_OTHER_PATHS = Limits(bytes=1_000_000, seconds=20)
_CORS_HEADERS = (
    *("Authorization", "Content-Type", "X-API-Key", "X-Request-ID", "X-Sticky-Key"),
    *("traceparent", "tracestate"),
)
_EXPOSED_HEADERS = (
    *("X-Request-ID", "Retry-After", "X-Model-Version"),
    *("X-Features-As-Of", "X-Features-Age-Seconds", "X-Features-Stale-Rows"),
)


def guarded(app: App, config: ServingConfig, options: ServiceOptions, output: BinaryIO | None = None) -> App:
    """Return an application behind all guards.

    The cheapest refusals come first, and none reads the body: origins, keys, concurrency, then the limits of
    the body and the time. Refusals are logged, traced, and readable by the pages that CORS allows.

    Parameters
    ----------
    output
        Where requests are logged, if they are; the standard output if None.

    Raises
    ------
    StoreError
        When the file of API keys can't be read.
    """
    names = [project.name for project in config.projects]
    paths = Paths(names)
    limits = {
        project.name: Limits(project.settings["limits"]["bytes"], project.settings["limits"]["seconds"])
        for project in config.projects
    }
    app = RequestLimits(app, paths, limits, _OTHER_PATHS)
    app = Concurrency(app, options.max_concurrency)
    if options.keys is not None:
        app = ApiKeys(app, CurrentKeys(Path(options.keys), is_optional=options.keys_optional), paths)
    if options.cors_origins:
        app = CORSMiddleware(
            app,
            allow_origins=options.cors_origins,
            allow_methods=("GET", "POST"),
            allow_headers=_CORS_HEADERS,
            expose_headers=_EXPOSED_HEADERS,
        )
    allowed = None if options.any_host else allowed_addresses(options.host, options.allowed_hosts)
    app = OwnOrigins(app, allowed, options.cors_origins)
    app = traced(app)
    return RequestLog(app, paths, names, LineWriter(output) if options.log_json else None)
