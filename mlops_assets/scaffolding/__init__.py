"""A first declaration of a project, drafted from its data: for `mlops new` and `dg scaffold`."""
