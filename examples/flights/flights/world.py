"""Airports, where they are, and airlines. The airports are real, the airlines and all they do are made up."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Airport:
    code: str
    name: str
    city: str
    state: str
    latitude: float
    longitude: float
    #: Of flights, relative to other airports.
    share: float
    #: Weather is a region's.
    region: str
    hub: bool = False


@dataclass(frozen=True)
class Airline:
    code: str
    name: str
    share: float
    low_cost: bool
    #: Minutes that its schedule allows beyond what a flight takes.
    padding: float


AIRPORTS = [
    Airport("ATL", "Hartsfield-Jackson", "Atlanta", "GA", 33.64, -84.43, 10, "south", hub=True),
    Airport("ORD", "O'Hare", "Chicago", "IL", 41.98, -87.90, 9, "midwest", hub=True),
    Airport("DFW", "Dallas Fort Worth", "Dallas", "TX", 32.90, -97.04, 8, "south", hub=True),
    Airport("DEN", "Denver", "Denver", "CO", 39.86, -104.67, 8, "west", hub=True),
    Airport("JFK", "John F. Kennedy", "New York", "NY", 40.64, -73.78, 6, "northeast", hub=True),
    Airport("LAX", "Los Angeles", "Los Angeles", "CA", 33.94, -118.41, 7, "west"),
    Airport("SFO", "San Francisco", "San Francisco", "CA", 37.62, -122.38, 5, "west"),
    Airport("SEA", "Seattle-Tacoma", "Seattle", "WA", 47.45, -122.31, 4, "west"),
    Airport("PHX", "Sky Harbor", "Phoenix", "AZ", 33.43, -112.01, 4, "west"),
    Airport("MSP", "Saint Paul", "Minneapolis", "MN", 44.88, -93.22, 4, "midwest"),
    Airport("DTW", "Wayne County", "Detroit", "MI", 42.21, -83.35, 4, "midwest"),
    Airport("BOS", "Logan", "Boston", "MA", 42.36, -71.01, 4, "northeast"),
    Airport("EWR", "Newark", "Newark", "NJ", 40.69, -74.17, 4, "northeast"),
    Airport("PHL", "Philadelphia", "Philadelphia", "PA", 39.87, -75.24, 3, "northeast"),
    Airport("MIA", "Miami", "Miami", "FL", 25.79, -80.29, 4, "south"),
    Airport("MCO", "Orlando", "Orlando", "FL", 28.43, -81.31, 4, "south"),
    Airport("IAH", "George Bush", "Houston", "TX", 29.98, -95.34, 4, "south"),
    Airport("BNA", "Nashville", "Nashville", "TN", 36.12, -86.68, 2, "south"),
    Airport("STL", "Lambert", "St. Louis", "MO", 38.75, -90.37, 2, "midwest"),
    Airport("SLC", "Salt Lake City", "Salt Lake City", "UT", 40.79, -111.98, 3, "west"),
]

AIRLINES = [
    Airline("AX", "Axial", 22, low_cost=False, padding=8),
    Airline("BL", "Blue Ridge", 18, low_cost=False, padding=7),
    Airline("CN", "Continua", 18, low_cost=False, padding=7),
    Airline("DV", "Divvy", 15, low_cost=True, padding=4),
    Airline("EQ", "Equator", 12, low_cost=False, padding=9),
    Airline("FJ", "Fjord", 8, low_cost=True, padding=3),
    Airline("GL", "Gull", 7, low_cost=False, padding=6),
]
#: Flies from the shift on.
NEWCOMER = Airline("ZP", "Zephyr", 18, low_cost=False, padding=-2)


def distance_miles(origin: Airport, destination: Airport) -> float:
    """Along the great circle, as `prepare` computes it in Spark."""
    from_latitude, to_latitude = math.radians(origin.latitude), math.radians(destination.latitude)
    turn = math.radians(destination.longitude - origin.longitude)
    cosine = math.sin(from_latitude) * math.sin(to_latitude) + (
        math.cos(from_latitude) * math.cos(to_latitude) * math.cos(turn)
    )
    return EARTH_MILES * math.acos(min(1.0, cosine))


EARTH_MILES = 3958.8
