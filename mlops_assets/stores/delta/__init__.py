"""Delta tables: commits, log, locks, data files, schemas and content digests."""
