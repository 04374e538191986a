"""A program that prints the configuration of the service, from the declarations of its projects.

Dagster loads the declarations. `mlops serve` runs the program (`read_declared`), so that its own processes
import no Dagster.
"""

import json
import sys
from pathlib import Path

from mlops_assets.core.errors import MlopsError
from mlops_assets.core.garbage import without_garbage_collection


def main() -> None:
    """Print the configuration of the projects in the arguments behind the project root, or an error."""
    root, *projects = sys.argv[1:]
    with without_garbage_collection():
        from mlops_assets.workspace.serving.declared import declared_config
        from mlops_assets.workspace.workspace import Workspace

        try:
            sys.stdout.write(declared_config(Workspace(Path(root)), projects).to_text())
        except MlopsError as error:
            json.dump({"error": error.message, "hint": error.hint}, sys.stdout)


if __name__ == "__main__":
    main()
