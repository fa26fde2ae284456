"""What each command does, one file a command; each reads from top to bottom."""
