"""The commands of `mlops`, one module each."""
