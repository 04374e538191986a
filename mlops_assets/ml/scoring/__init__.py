"""Predictions of raw rows: batches of Arrow columns, and single rows for the server."""
