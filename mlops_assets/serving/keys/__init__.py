"""API keys of clients: their file, and the ones that are in force."""
