"""How a command ends badly: a line for a person, and an exit code that a program can read."""

from __future__ import annotations


class Failure(Exception):
    """What was asked could not be done; the message says why, one line for each reason."""

    exit_code = 1


class WrongUse(Failure):
    """What was asked makes no sense, or what is set is wrong."""

    exit_code = 2
