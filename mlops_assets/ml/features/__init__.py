"""Features: SQL of a project, time in event projects, point-in-time checks and preprocessing."""
