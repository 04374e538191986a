"""Loading the rows of a source that a project is drafted from, in a format that is detected."""
