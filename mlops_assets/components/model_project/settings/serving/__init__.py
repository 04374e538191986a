"""Settings of the HTTP service."""
