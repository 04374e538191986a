"""The commands of `mlops`, one module each; `cli/app.py` registers them."""
