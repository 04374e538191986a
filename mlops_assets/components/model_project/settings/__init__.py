"""The settings of `defs.yaml`, and which of them go together."""
