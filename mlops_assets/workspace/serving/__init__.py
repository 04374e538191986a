"""What a project declares for its service."""
