"""Challengers: the routing of requests to them, shadow scoring, and guardrails that withdraw them."""
