"""Data contracts: what a column holds, the cast of raw values, and validation with a quarantine."""
