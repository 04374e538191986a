"""Doubts about a table that are raised before a search: each a pure function with stated boundaries."""
