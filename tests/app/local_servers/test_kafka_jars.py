"""A jar counts only when it is the very file that was pinned."""

from __future__ import annotations

import hashlib
from pathlib import Path

from app.local_servers.kafka_jars import Pin


def a_pin(of: bytes) -> Pin:
    return Pin("org.example:thing:1.0", hashlib.sha256(of).hexdigest())


def test_the_pinned_file_is_accepted(tmp_path: Path) -> None:
    jar = tmp_path / "thing-1.0.jar"
    jar.write_bytes(b"content")
    assert a_pin(b"content").file_name == jar.name
    assert a_pin(b"content").is_met_by(jar)


def test_a_file_cut_short_or_exchanged_is_not(tmp_path: Path) -> None:
    jar = tmp_path / "thing-1.0.jar"
    jar.write_bytes(b"conten")
    assert not a_pin(b"content").is_met_by(jar)


def test_a_missing_file_is_not(tmp_path: Path) -> None:
    assert not a_pin(b"content").is_met_by(tmp_path / "thing-1.0.jar")
