"""Where the data comes from: flights in a table of PostgreSQL, airlines and airports as CSV in the bucket."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import date
from typing import Any

from flights import AIRLINES, AIRPORTS, TABLE
from flights.generate import FIRST, LAST, Flight, generate
from flights.world import AIRLINES as airlines
from flights.world import AIRPORTS as airports
from flights.world import NEWCOMER

_COLUMNS = """
    flight_date date NOT NULL, airline text NOT NULL, flight_number int NOT NULL,
    origin text NOT NULL, destination text NOT NULL, scheduled_departure int NOT NULL,
    departure_delay double precision, taxi_out double precision,
    wind_knots double precision, visibility_miles double precision, arrival_delay double precision,
    cancelled boolean NOT NULL, diverted boolean NOT NULL, recorded_by text NOT NULL
"""


def load(per_day: int, first: date = FIRST, last: date = LAST) -> dict[str, Any]:
    """Puts all of it there, in place of what was there. A source of a real project fills by itself."""
    import plinth
    import psycopg2

    files = plinth.storage()
    for key, body in ((AIRLINES, airlines_csv()), (AIRPORTS, airports_csv())):
        files.client.put_object(Bucket=files.bucket, Key=key, Body=body.encode())
    with psycopg2.connect("") as connection, connection.cursor() as cursor:
        # Whoever reads meanwhile sees the former rows until the end.
        cursor.execute(f"DROP TABLE IF EXISTS {TABLE}")
        cursor.execute(f"CREATE TABLE {TABLE} ({_COLUMNS})")
        cursor.copy_expert(f"COPY {TABLE} FROM STDIN (FORMAT csv)", Lines(rows(first, last, per_day)))
        cursor.execute(f"CREATE INDEX ON {TABLE} (flight_date)")
        cursor.execute(f"SELECT count(*), min(flight_date)::text, max(flight_date)::text FROM {TABLE}")
        count, oldest, newest = cursor.fetchone()
    return {
        "flights": count,
        "first": oldest,
        "last": newest,
        "airlines": len(airlines) + 1,
        "airports": len(airports),
    }


def remove() -> None:
    """Takes away the table and all of the project's files."""
    import plinth
    import psycopg2
    from flights import FOLDER

    with psycopg2.connect("") as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {TABLE}")
    files = plinth.storage()
    for page in files.client.get_paginator("list_objects_v2").paginate(Bucket=files.bucket, Prefix=f"{FOLDER}/"):
        for each in page.get("Contents", []):
            files.client.delete_object(Bucket=files.bucket, Key=each["Key"])


def rows(first: date, last: date, per_day: int) -> Iterable[str]:
    """Lines of CSV; an empty field is a missing value."""
    for flight in generate(first, last, per_day):
        yield line(flight)


def line(flight: Flight) -> str:
    return ",".join("" if each is None else str(each) for each in flight) + "\n"


class Lines(io.TextIOBase):
    """A file of lines that are made while it is read: years of flights are never in memory at once."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._rest = ""

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> str:
        parts, length = [self._rest], len(self._rest)
        while size is None or size < 0 or length < size:
            following = next(self._lines, None)
            if following is None:
                break
            parts.append(following)
            length += len(following)
        text = "".join(parts)
        end = len(text) if size is None or size < 0 else size
        self._rest = text[end:]
        return text[:end]


def airlines_csv() -> str:
    return _csv(
        ["code", "airline_name", "low_cost", "country"],
        ([each.code, each.name, str(each.low_cost).lower(), "USA"] for each in [*airlines, NEWCOMER]),
    )


def airports_csv() -> str:
    return _csv(
        ["code", "airport_name", "city", "state", "country", "latitude", "longitude"],
        ([each.code, each.name, each.city, each.state, "USA", each.latitude, each.longitude] for each in airports),
    )


def _csv(header: list[str], content: Iterable[list[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(content)
    return text.getvalue()
