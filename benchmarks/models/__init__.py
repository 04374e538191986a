"""This project beside its peers on public tables that neither was tuned for."""
