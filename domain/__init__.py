"""The judgement: pure, standard library only, no I/O, clock, randomness or environment."""
