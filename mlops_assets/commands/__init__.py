"""The commands of `mlops`, one module each; `cli.py` puts them together."""
