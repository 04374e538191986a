"""Processes: the supervisor with the socket, and its workers."""
