"""Settings of online features."""

from typing import Literal

from pydantic import Field

from mlops_assets.components.model_project.settings.base import Settings


class OnlineSettings(Settings):
    """Where the newest features of each entity are kept for requests, and how old they may be."""

    store: Literal["sqlite", "redis"] = Field(
        default="sqlite",
        description="`sqlite`: a file in the state directory, which the processes of one machine read. "
        "`redis`: a server, for services on several machines.",
    )
    url_env: str = Field(
        default="REDIS_URL",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="Redis: environment variable with the address, such as "
        "`rediss://user:password@host:6379/0`.",
    )
    key_prefix: str = Field(
        default="mlops",
        pattern=r"^[A-Za-z0-9_.-]+$",
        description="Redis: first part of all keys. Give workspaces that share a server different ones.",
    )
    ttl_hours: float | None = Field(
        default=None,
        gt=0,
        description="Maximum age of features, counted from the end of their partition; by default none. "
        "Older ones are stale, and are removed by the next write.",
    )
    stale: Literal["refuse", "answer"] = Field(
        default="refuse",
        description="What a request for stale features gets: an error, or an answer that reports their age.",
    )
