"""The bar of a gathering ahead: of its places, how many are taken."""

from __future__ import annotations

import pytest

from alumni_desk.desktop.today_page import coming_bar


@pytest.mark.parametrize(("coming", "silent", "places", "shares"), [
    (118, 67, 120, (118 / 120, 2 / 120)), (30, 20, 120, (0.25, 20 / 120)), (130, 5, 120, (1.0, 0.0)), (6, 4, None, (0.6, 0.4)), (0, 0, None, (0.0, 0.0))])
def test_the_bar_is_of_the_places(coming: int, silent: int, places: int | None, shares: tuple[float, float]) -> None:
    parts, total = coming_bar(coming, silent, places)
    assert tuple(part / total for part, _tone in parts) == pytest.approx(shares)
