"""What a create costs, beside what it would cost with no logic at all: `python -m bench`."""
