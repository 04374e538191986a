"""Checks of pandera as SQL conditions, and the filter for rows that can't violate a rule."""
