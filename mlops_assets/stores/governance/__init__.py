"""The champion's ledger, its audit, and the retention of rejected versions."""
