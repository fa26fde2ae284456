"""Starts and wires the worker: settings, wiring, command line, demo."""
