"""How often Python looks for cycles among its objects: all that this service does makes many at
once, hardly one of them in a cycle, and they go again together.
"""

from __future__ import annotations

import gc


def look_for_cycles_seldom() -> None:
    """At the usual rate it takes a seventh of the worker's time and a quarter of a replay's
    (docs/performance.md).
    """
    gc.set_threshold(50_000, 20, 100)


def look_for_cycles_among_what_comes() -> None:
    """As seldom, and not at what is there by now: what was imported stays."""
    gc.collect()
    gc.freeze()
    look_for_cycles_seldom()
