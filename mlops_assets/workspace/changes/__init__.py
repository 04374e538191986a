"""What a run would change: the plan of a project's run, computed without running anything."""
