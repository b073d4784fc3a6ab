"""Flights as an airline's operations would record them: the same arguments, the same flights, on every machine.

Seasons and regions have their weather, delays build up over a day, hubs are crowded, stations fail to report. On
`SHIFT` the world changes: works at the hubs lengthen the way to the runway, their schedules allow for it, weather
stations of the north-east fall silent, and a newcomer flies without reserves. What was learnt before is then wrong.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from flights.world import AIRLINES, AIRPORTS, NEWCOMER, Airline, Airport

FIRST = date(2024, 1, 1)
SHIFT = date(2025, 1, 1)
LAST = date(2025, 12, 31)
#: Minutes that a flight takes to the runway since the works, beyond what it did.
WORKS_MINUTES = 15.0


class Flight(NamedTuple):
    """Columns of the table, in its order. Minutes are the origin's local time; None is missing."""

    flight_date: date
    airline: str
    flight_number: int
    origin: str
    destination: str
    scheduled_departure: int
    departure_delay: float | None
    taxi_out: float | None
    wind_knots: float | None
    visibility_miles: float | None
    arrival_delay: float | None
    cancelled: bool
    #: These two say the same of every flight, as columns of such tables do.
    diverted: bool
    recorded_by: str


def generate(first: date, last: date, per_day: int, seed: int = 1) -> Iterator[Flight]:
    """Flights of the days from `first` to `last`; a day's are the same whatever else is asked for."""
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        yield from _of_day(date.fromordinal(ordinal), per_day, seed)


def storms(day: date, seed: int = 1) -> dict[str, float]:
    """How bad the weather of each region is, from 0 to 1. A bad day's is still felt the day after."""
    return {
        region: max(_storm(day, region, seed), 0.6 * _storm(day - timedelta(days=1), region, seed))
        for region in ("northeast", "midwest", "south", "west")
    }


# Share of days with a storm by region: winter, spring, summer, autumn.
_STORMY = {
    "northeast": (0.24, 0.10, 0.12, 0.08),
    "midwest": (0.26, 0.14, 0.14, 0.08),
    "south": (0.06, 0.14, 0.28, 0.14),
    "west": (0.12, 0.06, 0.04, 0.06),
}


def _storm(day: date, region: str, seed: int) -> float:
    chance = random.Random(f"{seed}/{day.isoformat()}/{region}")
    stormy = _STORMY[region][day.month % 12 // 3]
    return chance.uniform(0.4, 1.0) if chance.random() < stormy else 0.0


def _of_day(day: date, per_day: int, seed: int) -> Iterator[Flight]:
    chance = random.Random(f"{seed}/{day.isoformat()}")
    weather = storms(day, seed)
    airlines = [*AIRLINES, NEWCOMER] if day >= SHIFT else AIRLINES
    airline_shares = [each.share for each in airlines]
    airport_shares = [each.share for each in AIRPORTS]
    # Holidays and weekends are fuller.
    busy = 1.15 if day.weekday() in (4, 6) or day.month in (7, 12) else 1.0
    for _ in range(round(per_day * busy)):
        (airline,) = chance.choices(airlines, airline_shares)
        origin, destination = chance.choices(AIRPORTS, airport_shares, k=2)
        while destination is origin:
            (destination,) = chance.choices(AIRPORTS, airport_shares)
        yield _flight(chance, day, airline, origin, destination, weather)


def _flight(
    chance: random.Random,
    day: date,
    airline: Airline,
    origin: Airport,
    destination: Airport,
    weather: dict[str, float],
) -> Flight:
    after = day >= SHIFT
    here, there = weather[origin.region], weather[destination.region]
    minute = min(1435, max(300, round(chance.triangular(300, 1430, 1000) / 5) * 5))
    wind = max(0.0, chance.gauss(8 + 18 * here, 4))
    visibility = max(0.2, min(10.0, 10.2 - 8 * here - abs(chance.gauss(0, 0.6))))
    # A delay in the morning is one in the evening.
    through_day = (minute - 300) / 1130
    late_start = 0.22 + 0.2 * through_day + 0.3 * here + (0.05 if origin.hub else 0.0)
    if chance.random() < late_start:
        departure = chance.expovariate(1 / (13 + 14 * through_day + 25 * here))
    else:
        departure = chance.gauss(-3, 2.5)
    usual_taxi = 17.0 if origin.hub else 12.5
    works = WORKS_MINUTES if after and origin.hub else 0.0
    taxi = max(4.0, usual_taxi + works + chance.gauss(0, 5) + 9 * here * chance.random())
    # Schedules count on the usual way to the runway, the works included.
    slow = 1.1 * (taxi - usual_taxi - works)
    arrival = 0.97 * departure + slow + 16 * there * chance.random() - airline.padding + chance.gauss(3, 7)
    cancelled = chance.random() < 0.006 + 0.05 * here
    silent = 0.9 if after and origin.region == "northeast" else 0.0
    return Flight(
        flight_date=day,
        airline=airline.code,
        flight_number=chance.randrange(100, 3000),
        origin=origin.code,
        destination=destination.code,
        scheduled_departure=minute,
        departure_delay=None if cancelled else round(departure, 1),
        taxi_out=None if cancelled or chance.random() < 0.005 else round(taxi, 1),
        wind_knots=None if chance.random() < 0.02 else round(wind, 1),
        visibility_miles=None if chance.random() < 0.03 + silent else round(visibility, 1),
        arrival_delay=None if cancelled else round(arrival, 1),
        cancelled=cancelled,
        diverted=False,
        recorded_by="operations",
    )
