"""Databases whose queries are sources: SQLite and Postgres."""
