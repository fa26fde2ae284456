"""Is the checker any good? Each guard is taken out of a copy, and some test has to notice."""
