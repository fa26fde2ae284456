"""The pictures of answers."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from bench.figures import Answer, Measurement
from bench.plots import plot


def test_a_plot_grows_with_what_it_shows(tmp_path: Path) -> None:
    heights = []
    for number in (1, 5):
        answer = Answer("workers")
        for subject in range(number):
            answer.add(f"{subject} workers", Measurement({"a second": 100.0 * subject}))
        plot(answer, tmp_path / "plot.png")
        with Image.open(tmp_path / "plot.png") as image:
            assert image.format == "PNG"
            heights.append(image.height)
    assert heights[0] < heights[1]


def test_how_something_went_is_shown_below(tmp_path: Path) -> None:
    heights = []
    for course in ((), ((0.0, 100.0), (1.0, 120.0))):
        answer = Answer("memory")
        answer.add("worker", Measurement({"most MB": 120.0}, (), course))
        plot(answer, tmp_path / "plot.png")
        with Image.open(tmp_path / "plot.png") as image:
            heights.append(image.height)
    assert heights[0] < heights[1]
