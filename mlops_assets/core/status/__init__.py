"""The status of projects as plain values."""
