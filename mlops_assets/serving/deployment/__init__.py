"""What is served: versions of the registry as verified folders, and the file that names them to workers."""
