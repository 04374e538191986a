"""`mlops forget`: the removal of an entity from a project, and its audit."""
