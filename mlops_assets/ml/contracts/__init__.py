"""Data contracts: typed columns, the cast of raw values, and validation with a quarantine."""
