"""A picture of an answer: for each quantity a bar a subject, with a line from lowest to highest;
and how something went, where that was watched.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from bench.figures import Answer, Figure
from bench.report import number

_WIDTH: Final = 900
_ROW, _HEAD, _EDGE, _COURSE = 26, 40, 16, 200
_INK, _PALE, _BARS = "#20242c", "#8a93a3", ("#3b6fb6", "#c0673a", "#4c8f5f", "#8a5fa8", "#a8923a")


def plot(answer: Answer, file: Path) -> None:
    """Write the PNG."""
    groups = _by_quantity(answer.figures)
    courses = answer.courses
    height = _EDGE * 2 + sum(_HEAD + _ROW * len(each) for each in groups.values())
    height += len(courses) * (_HEAD + _COURSE)
    image = Image.new("RGB", (_WIDTH, height), "white")
    draw = ImageDraw.Draw(image)
    subjects = list(dict.fromkeys(each.subject for each in answer.figures))
    left = 2 * _EDGE + round(max(_font(14).getlength(each) for each in subjects))
    top = _EDGE
    for quantity, figures in groups.items():
        draw.text((_EDGE, top + 12), f"{answer.question}: {quantity}", _INK, _font(17))
        top += _HEAD
        most = max((each.spread[1] for each in figures), default=0) or 1
        for each in figures:
            colour = _BARS[subjects.index(each.subject) % len(_BARS)]
            _bar(draw, (left, top), each, most, colour)
            top += _ROW
    for subject, course in courses.items():
        draw.text((_EDGE, top + 12), f"{subject}, over the minutes", _INK, _font(17))
        _course(draw, top + _HEAD, course)
        top += _HEAD + _COURSE
    image.save(file, optimize=True)


def _by_quantity(figures: Sequence[Figure]) -> dict[str, list[Figure]]:
    groups: dict[str, list[Figure]] = {}
    for each in figures:
        groups.setdefault(each.quantity, []).append(each)
    return groups


def _bar(
    draw: ImageDraw.ImageDraw, corner: tuple[int, int], figure: Figure, most: float, colour: str
) -> None:
    (left, top), room = corner, _WIDTH - corner[0] - 110
    lowest, highest = (left + room * each / most for each in figure.spread)
    end, middle = left + room * figure.median / most, top + _ROW / 2
    draw.text((_EDGE, top + 4), figure.subject, _INK, _font(14))
    draw.rectangle((left, top + 4, max(end, left + 1), top + _ROW - 4), colour)
    draw.line((lowest, middle, highest, middle), _INK, 2)
    for place in (lowest, highest):
        draw.line((place, middle - 4, place, middle + 4), _INK, 2)
    draw.text((max(end, highest) + 8, top + 4), number(figure.median), _PALE, _font(14))


def _course(draw: ImageDraw.ImageDraw, top: int, course: Sequence[tuple[float, float]]) -> None:
    """From nought to a little above the most."""
    left, right, bottom = 4 * _EDGE, _WIDTH - 110, top + _COURSE - 2 * _EDGE
    longest, most = course[-1][0] or 1, max(value for _, value in course) * 1.1
    draw.line((left, top, left, bottom, right, bottom), _PALE)
    for value in (0.0, most / 2, most):
        height = bottom - (bottom - top) * value / most
        draw.text((_EDGE, height - 8), number(value), _PALE, _font(14))
    draw.text((right + 8, bottom - 8), f"{longest:.0f} min", _PALE, _font(14))
    points = [
        (left + (right - left) * minute / longest, bottom - (bottom - top) * value / most)
        for minute, value in course
    ]
    draw.line(points, _BARS[0], 2)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
