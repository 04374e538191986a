"""`mlops schema`: the JSON schema of `defs.yaml`, for editors."""

import typer

from mlops_assets.cli.output.console import DebugOption, plain_errors


def schema(debug: DebugOption = False) -> None:
    """Print the JSON schema of defs.yaml, for editors; redirect it to defs.schema.json in the project root.

    Example: mlops schema
    """
    with plain_errors(debug):
        from mlops_assets.components.model_project.settings.json_schema import schema_text

        typer.echo(schema_text(), nl=False)
