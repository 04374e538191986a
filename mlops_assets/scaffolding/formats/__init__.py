"""Detection of formats of single columns: times, amounts and codes."""
