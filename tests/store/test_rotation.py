"""Which backups stay: as many days, weeks and months as promised, whatever was made when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st

from alumni_desk.store.rotation import BEFORE, DAILY, MONTHLY, WEEKLY, Made, kept

NOW = datetime(2026, 11, 25, 21, 0, tzinfo=UTC)
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=13)), timezone(timedelta(hours=-9, minutes=-30))])
MINUTES = st.integers(-60 * 24 * 900, 60 * 24 * 10)
MADE = st.lists(st.tuples(MINUTES, st.booleans()), max_size=120).map(
    lambda many: [Made(f"{n:03d}", NOW + timedelta(minutes=minutes), before) for n, (minutes, before) in enumerate(many)])


@given(MADE, ZONES)
def test_what_stays_is_bounded_and_stays(made: list[Made], zone: timezone) -> None:
    now = NOW.astimezone(zone)
    made = [one._replace(at=one.at.astimezone(zone)) for one in made]
    stay = kept(made, now)
    ahead = [one for one in made if one.at > now + timedelta(days=1)]
    assert stay.keys() <= {one.name for one in made}
    assert len(stay) <= DAILY + WEEKLY + MONTHLY + BEFORE + len(ahead)
    assert {one.name for one in ahead} <= stay.keys()
    assert kept([one for one in made if one.name in stay], now) == stay  # judged again, nothing more goes
    assert kept(list(reversed(made)), now) == stay


@given(MADE.filter(bool), ZONES)
def test_the_newest_of_every_recent_day_stays(made: list[Made], zone: timezone) -> None:
    now = NOW.astimezone(zone)
    made = [one._replace(at=one.at.astimezone(zone)) for one in made]
    stay = kept(made, now)
    days: dict[object, Made] = {}
    for one in sorted(made, key=lambda one: (one.at, one.name)):
        if one.at <= now + timedelta(days=1) and not one.before:
            days[one.at.date()] = one
    for day in sorted(days, reverse=True)[:DAILY]:  # type: ignore[type-var]
        assert days[day].name in stay


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 500), st.integers(1, 3), ZONES)
def test_a_chapter_that_backs_up_every_day_can_go_back_nine_months(days: int, times: int, zone: timezone) -> None:
    there: list[Made] = []
    now = NOW.astimezone(zone)
    for day in range(days):
        for turn in range(times):
            now = NOW.astimezone(zone) + timedelta(days=day, hours=turn)
            there.append(Made(f"{day:04d}-{turn}", now))
            stay = kept(there, now)
            there = [one for one in there if one.name in stay]
    rules = list(kept(there, now).values())
    assert rules.count("daily") == min(days, DAILY)
    if days > 400:
        assert (rules.count("weekly"), rules.count("monthly")) == (WEEKLY, MONTHLY)
        assert now - min(one.at for one in there) > timedelta(days=9 * 28)


def test_those_made_before_something_large_do_not_push_the_days_out() -> None:
    made = [Made(f"day {n}", NOW - timedelta(days=n)) for n in range(12)]
    made += [Made(f"import {n}", NOW - timedelta(days=20, minutes=n), before=True) for n in range(13)]
    stay = kept(made, NOW)
    assert [stay[f"day {n}"] for n in range(12)] == ["daily"] * 12
    assert [name for name, rule in stay.items() if rule == "before"] == [f"import {n}" for n in range(BEFORE)]


def test_a_clock_that_was_ten_years_ahead_takes_no_place() -> None:
    made = [Made("ahead", NOW + timedelta(days=3650)), *(Made(f"{n}", NOW - timedelta(days=n)) for n in range(12))]
    assert kept(made, NOW) == {"ahead": "ahead", **{f"{n}": "daily" for n in range(12)}}
    # And a clock that fell ten years behind lets nothing go.
    assert set(kept(made, NOW - timedelta(days=3650)).values()) == {"ahead"}
