"""The champion's ledger, its audit, and how long versions of models are kept."""
