"""CONNECT: plain classes over the places that keep things. No Dagster in here."""
