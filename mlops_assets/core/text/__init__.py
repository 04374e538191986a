"""Texts for people: safe to show, similar names, differences."""
