"""The ledger of a project: entries, state, keys and signatures."""
