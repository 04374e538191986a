"""The HTTP application: routes, bodies, answers and errors."""
