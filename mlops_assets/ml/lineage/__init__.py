"""The columns that each output column of a query is computed from, found in its text."""
