"""Fakes that hold the same contract tests as the real things."""
