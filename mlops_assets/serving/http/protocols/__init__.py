"""Protocols of other servers as adapters: MLflow's scoring server and the Open Inference Protocol."""
