"""Names that are almost those of settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.settings.loading import LoadWith, in_production


@pytest.mark.parametrize(
    ("misspelt", "nearest"),
    [
        ("KAFKA__BOOTSTRAP", "KAFKA__BOOTSTRAP_SERVERS"),
        ("DATABASE_URL", "DATABASE__URL"),
        ("RULES__REFUND__CAFFE", "RULES__REFUND__CAFE"),
    ],
)
def test_a_misspelt_name_gets_a_warning_with_the_nearest_one(
    settings: LoadWith, misspelt: str, nearest: str
) -> None:
    expected = f"BOOKING_{misspelt} is not a setting and is ignored; the nearest one is"
    assert f"{expected} BOOKING_{nearest}" in settings(**{misspelt: "x"}).notices


def test_a_misspelt_name_in_the_file_gets_a_warning_too(settings: LoadWith) -> None:
    Path(".env").write_text("BOOKING_LOG_LEVEL=DEBUG\n")
    assert any(said.startswith("BOOKING_LOG_LEVEL ") for said in settings().notices)


def test_variables_of_the_tests_are_left_alone(settings: LoadWith) -> None:
    loaded = settings(TEST_KAFKA="localhost:9092", **in_production())
    assert loaded.notices == ()
