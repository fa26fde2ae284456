"""`make fuzz`: atheris over the targets, the corpus as seeds, what fails saved beside it.

    python -m tests.fuzz --seconds 60 [--target commands] [--check FILE]

Exit code 1 when something failed; the file with the input is named. `--check` runs one file without
atheris, as a test would.
"""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.fuzz.corpus import CORPUS, inputs
from tests.fuzz.crafting import short_name
from tests.fuzz.targets import TARGETS

MOST_BYTES: Final = 300_000
_INPUT_BYTES: Final = 4096
_SLOW_SECONDS: Final = 10
_MOST_MEMORY_MB: Final = 2048
_FOUND: Final = Path(__file__).parent / "found"


def main() -> int:
    asked = argparse.ArgumentParser(prog="make fuzz")
    asked.add_argument("--seconds", type=int, default=60, help="for all targets together")
    asked.add_argument("--target", choices=list(TARGETS), help="default: one after the other")
    asked.add_argument("--check", type=Path, help="one input, once, without atheris")
    asked.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    told, rest = asked.parse_known_args()
    targets = [told.target] if told.target else list(TARGETS)
    if told.check:
        for each in targets:
            TARGETS[each](told.check.read_bytes())
        return 0
    if told.inside:
        return _explore(told.target, rest)
    failed = [each for each in targets if not _run(each, max(1, told.seconds // len(targets)))]
    return 1 if failed else 0


def _run(target: str, seconds: int) -> bool:
    """Whether nothing was found. In a process of its own: libFuzzer ends the one that it is in."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        seeds, crashes = Path(folder, "seeds"), Path(folder, "crashes")
        seeds.mkdir()
        crashes.mkdir()
        for name, text in inputs(target).items():
            if len(text) <= _INPUT_BYTES:
                (seeds / name.replace("/", "-")).write_bytes(text)
        command = [
            *(sys.executable, "-m", "tests.fuzz", "--inside", "--target", target),
            *(str(seeds), f"-max_total_time={seconds}", f"-artifact_prefix={crashes}/"),
            *(f"-timeout={_SLOW_SECONDS}", f"-rss_limit_mb={_MOST_MEMORY_MB}"),
            *(f"-max_len={_INPUT_BYTES}", "-only_ascii=0", "-print_final_stats=1"),
        ]
        sys.stderr.write(f"fuzzing {target} for {seconds} s\n")
        ended = subprocess.run(command, check=False, env=os.environ | {"PYTHONHASHSEED": "0"})
        found = [_kept(target, path) for path in sorted(crashes.iterdir())]
    for path in found:
        sys.stderr.write(f"FOUND {path}\n  python -m tests.fuzz --target {target} --check {path}\n")
    return ended.returncode == 0 and not found


def _kept(target: str, crash: Path) -> Path:
    """Where it stays until somebody gives it a name and moves it into the corpus."""
    text = crash.read_bytes()
    kept = _FOUND / target / f"{crash.name.split('-')[0]}_{short_name(text)}"
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(crash, kept)
    return kept


def _explore(target: str, options: list[str]) -> int:
    try:
        import atheris
    except ImportError:
        sys.stderr.write(
            "atheris is not installed: it has wheels for Linux on x86-64 alone, CPython 3.11 to"
            " 3.14; make fuzz fetches it. The corpus and Hypothesis run everywhere: make test"
            " ARGS=tests/fuzz\n"
        )
        return 2
    with atheris.instrument_imports(include=["schemas", "handlers", "adapters.tokens", "domain"]):
        for name in [name for name in sys.modules if name.split(".")[0] in _INSTRUMENTED]:
            del sys.modules[name]
        targets = importlib.import_module("tests.fuzz.targets")
    run = targets.TARGETS[target]

    def once(text: bytes) -> None:
        run(text, MOST_BYTES)

    atheris.Setup([sys.argv[0], *options], once)
    atheris.Fuzz()
    return 0


_INSTRUMENTED: Final = frozenset({"schemas", "handlers", "adapters", "domain", "tests"})

if __name__ == "__main__":
    assert CORPUS.is_dir()
    sys.exit(main())
