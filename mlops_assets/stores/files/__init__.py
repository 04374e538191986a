"""Source files, local and remote: formats, listing, reading and error diagnosis."""
