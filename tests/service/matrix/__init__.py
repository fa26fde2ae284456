"""A worker is killed with SIGKILL at every boundary of a command, and another takes over.

The boundaries are not listed anywhere: a calm run of the command tells them, and each one gets a
cell of its own, so that the matrix is complete whatever the worker's steps are.
"""
