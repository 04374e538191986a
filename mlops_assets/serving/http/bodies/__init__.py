"""Bodies of requests as rows: JSON, CSV and Arrow."""
