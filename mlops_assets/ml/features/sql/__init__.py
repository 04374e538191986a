"""The SQL of a project: what it may call and read, and what its plan shows."""
