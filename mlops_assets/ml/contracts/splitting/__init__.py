"""The split of raw rows into valid and quarantined ones, in one pass over them."""
