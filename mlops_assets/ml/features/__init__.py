"""Features: the project's SQL, time, point-in-time checks and preprocessing."""
