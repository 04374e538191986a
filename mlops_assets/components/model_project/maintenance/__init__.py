"""Jobs that maintain tables and versions: restore, vacuum and reproduce."""
