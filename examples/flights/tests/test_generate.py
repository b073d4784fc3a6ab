from __future__ import annotations

import csv
import hashlib
import io
import unittest
from collections.abc import Callable, Iterable
from datetime import date, timedelta

import tests  # noqa: F401, puts the package's sources on the path

from flights.generate import FIRST, LAST, SHIFT, Flight, generate, storms
from flights.prepare import single_valued
from flights.sources import Lines, airlines_csv, airports_csv, line, rows
from flights.world import AIRPORTS, NEWCOMER

before = list(generate(FIRST, SHIFT - timedelta(days=1), 30))
after = list(generate(SHIFT, LAST, 30))
hubs = {each.code for each in AIRPORTS if each.hub}


def share(flights: Iterable[Flight], holds: Callable[[Flight], bool]) -> float:
    found = [holds(each) for each in flights]
    return sum(found) / len(found)


def late(flights: Iterable[Flight]) -> float:
    return share((each for each in flights if each.arrival_delay is not None), lambda each: each.arrival_delay > 15)


def mean_taxi(flights: Iterable[Flight]) -> float:
    known = [each.taxi_out for each in flights if each.taxi_out is not None]
    return sum(known) / len(known)


class GenerateTest(unittest.TestCase):
    def test_the_same_arguments_give_the_same_flights_on_every_machine(self) -> None:
        digest = hashlib.sha256("".join(rows(FIRST, date(2024, 1, 31), 20)).encode()).hexdigest()
        self.assertEqual(digest[:16], "6a3877191346520f")

    def test_a_days_flights_dont_depend_on_what_else_is_asked_for(self) -> None:
        day = date(2024, 7, 4)
        alone = list(generate(day, day, 30))
        self.assertEqual(alone, [each for each in before if each.flight_date == day])
        self.assertNotEqual(alone, list(generate(day, day, 30, seed=2)))

    def test_about_a_fifth_is_late_and_delays_build_up_over_a_day(self) -> None:
        self.assertTrue(0.15 < late(before) < 0.27, late(before))
        morning = late(each for each in before if each.scheduled_departure < 9 * 60)
        evening = late(each for each in before if each.scheduled_departure >= 18 * 60)
        self.assertGreater(evening, morning + 0.05)

    def test_storms_make_flights_late_and_seasons_make_storms(self) -> None:
        by_day = {day: storms(day) for day in {each.flight_date for each in before}}
        region = {each.code: each.region for each in AIRPORTS}
        worst = [each for each in before if by_day[each.flight_date][region[each.origin]] > 0.5]
        calm = [each for each in before if by_day[each.flight_date][region[each.origin]] == 0]
        self.assertGreater(late(worst), late(calm) + 0.1)
        winter = [by_day[day]["midwest"] for day in by_day if day.month in (12, 1, 2)]
        autumn = [by_day[day]["midwest"] for day in by_day if day.month in (9, 10, 11)]
        self.assertGreater(sum(winter) / len(winter), 1.5 * sum(autumn) / len(autumn))

    def test_values_are_missing_and_cancelled_flights_never_arrive(self) -> None:
        for name in ("taxi_out", "wind_knots", "visibility_miles"):
            self.assertTrue(0.005 < share(before, lambda each: getattr(each, name) is None) < 0.06, name)
        self.assertTrue(all((each.arrival_delay is None) == each.cancelled for each in before))

    def test_the_shift_moves_what_it_is_said_to_move_and_nothing_else(self) -> None:
        of_hubs = [[each for each in flights if each.origin in hubs] for flights in (before, after)]
        others = [[each for each in flights if each.origin not in hubs] for flights in (before, after)]
        self.assertGreater(mean_taxi(of_hubs[1]), mean_taxi(of_hubs[0]) + 10)
        self.assertAlmostEqual(mean_taxi(others[1]), mean_taxi(others[0]), delta=1)
        newcomers = [share(flights, lambda each: each.airline == NEWCOMER.code) for flights in (before, after)]
        self.assertEqual(newcomers[0], 0)
        self.assertGreater(newcomers[1], 0.1)
        silent = [share(flights, lambda each: each.visibility_miles is None) for flights in (before, after)]
        self.assertGreater(silent[1], silent[0] + 0.1)
        for moment in (8, 14, 20):
            earlier = [share(flights, lambda each: each.scheduled_departure < 60 * moment) for flights in (before, after)]
            self.assertAlmostEqual(*earlier, delta=0.03)


class SourcesTest(unittest.TestCase):
    def test_lines_are_read_in_pieces_of_any_size(self) -> None:
        lines = [f"{number}\n" for number in range(1000)]
        for size in (1, 7, 8192, -1):
            file, parts = Lines(lines), []
            while part := file.read(size):
                parts.append(part)
            self.assertEqual("".join(parts), "".join(lines))

    def test_a_missing_value_is_an_empty_field(self) -> None:
        flight = next(each for each in before if each.cancelled)
        (row,) = csv.DictReader([line(flight)], fieldnames=Flight._fields)
        self.assertEqual((row["arrival_delay"], row["cancelled"]), ("", "True"))

    def test_files_name_every_airline_and_airport_that_flights_do(self) -> None:
        flights = [*before, *after]
        for text, named in (
            (airlines_csv(), {each.airline for each in flights}),
            (airports_csv(), {each.origin for each in flights} | {each.destination for each in flights}),
        ):
            codes = [each["code"] for each in csv.DictReader(io.StringIO(text))]
            self.assertEqual(sorted(set(codes)), sorted(codes))
            self.assertLessEqual(named, set(codes))

    def test_columns_that_say_the_same_of_all_are_found(self) -> None:
        self.assertEqual(single_valued({"origin": 20, "country": 1, "nothing": 0, "late": 2}), ["country", "nothing"])
