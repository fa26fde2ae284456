"""The documentation: its site, its links, and every command and snippet in it."""
