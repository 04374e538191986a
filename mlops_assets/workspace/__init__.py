"""What the commands do: run a project in this process, collect its results, check and serve the workspace."""
