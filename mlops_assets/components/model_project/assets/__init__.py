"""The generated assets, one module for each asset."""
