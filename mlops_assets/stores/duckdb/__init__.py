"""DuckDB: connections within limits, and files that they only read."""
