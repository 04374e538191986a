"""The table of the predictions that were served, and the files in which they wait for it."""
