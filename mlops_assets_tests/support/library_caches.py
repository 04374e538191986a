"""What Dagster and Alembic compute from installed files alone, and would compute anew for each project.

Two fifths of a short run in a new project are the JSON schemas of all installed components, for editors, and
the migration scripts of new databases. Commands in processes of their own compute them as for users.
"""

from functools import cache
from typing import Any

import dagster as dg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from dagster.components.core import load_defs


def cache_libraries(patch: pytest.MonkeyPatch) -> None:
    """Compute them once in this process."""
    schemas_of = load_defs.get_library_json_enriched_defs

    @cache
    def schemas() -> Any:
        return schemas_of(None).metadata

    patch.setattr(
        load_defs,
        "get_library_json_enriched_defs",
        lambda tree: dg.Definitions(metadata=schemas(), component_tree=tree),
    )
    read, scripts = ScriptDirectory.from_config, dict[str | None, ScriptDirectory]()

    def from_config(config: Config) -> ScriptDirectory:
        place = config.get_main_option("script_location")
        if place not in scripts:
            scripts[place] = read(config)
        return scripts[place]

    patch.setattr(ScriptDirectory, "from_config", from_config)
