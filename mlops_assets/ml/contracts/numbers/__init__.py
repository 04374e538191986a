"""Numbers as SQL: the cast of source values, exact or not at all, and texts with marks and units."""
