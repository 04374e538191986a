"""The OpenAPI document, generated from the contracts of the served versions."""
