"""Commands about what is running: status, plan of changes, metrics."""
