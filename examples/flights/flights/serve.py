"""A version into service, and what callers of the model then do: ask, and later tell what was true."""

from __future__ import annotations

import random
import time
from collections import Counter, deque
from collections.abc import Mapping
from datetime import date
from typing import Any

from flights import INPUTS, LATE_MINUTES, MODEL, RETRAIN_DAG
from flights.generate import FIRST, LAST, SHIFT, Flight, generate
from flights.world import AIRPORTS, distance_miles

#: Flights that the model never learnt from are of another world with the same rules.
LIVE_SEED = 2
BEFORE, AFTER = (FIRST, date(SHIFT.year - 1, 12, 31)), (SHIFT, LAST)


def promote(trained: Mapping[str, Any]) -> dict[str, Any]:
    """Makes the version the champion, if it is better than the one that serves; its rollout follows."""
    import plinth

    before = trained.get("champion_auc")
    if before is not None and trained["auc"] <= before:
        raise ValueError(f"version {trained['version']} is no better than the champion: {trained['auc']} to {before}")
    began = time.monotonic()
    plinth.deploy(MODEL, trained["version"], wait_seconds=600)
    return {"version": trained["version"], "answers_after_seconds": round(time.monotonic() - began, 1)}


def retrain_on_drift() -> dict[str, str]:
    """From now on the platform runs the DAG when it sees that the model's inputs drift."""
    import mlflow

    mlflow.MlflowClient().set_registered_model_tag(MODEL, "plinth.retrain.dag", RETRAIN_DAG)
    return {"dag": RETRAIN_DAG}


def live(days: tuple[date, date], per_day: int = 8, seed: int = LIVE_SEED) -> list[tuple[dict[str, Any], int]]:
    """Flights that take off, as a caller knows them, with what became of them; in no order."""
    flights = [each for each in generate(*days, per_day, seed) if each.arrival_delay is not None]
    random.Random(seed).shuffle(flights)
    return [(inputs_of(each), int((each.arrival_delay or 0) > LATE_MINUTES)) for each in flights]


_places = {each.code: each for each in AIRPORTS}


def inputs_of(flight: Flight) -> dict[str, Any]:
    """What `prepare` makes of the table's row in Spark."""
    known = flight._asdict()
    known["day_of_week"] = str(flight.flight_date.weekday())
    known["scheduled_departure"] = float(flight.scheduled_departure)
    known["distance_miles"] = distance_miles(_places[flight.origin], _places[flight.destination])
    return {name: known[name] for name in INPUTS}


def ask(
    days: tuple[date, date],
    *,
    requests: int | None = None,
    until: str | None = None,
    seconds: float = 600,
    rows: int = 25,
    per_second: float = 4,
) -> dict[str, Any]:
    """Asks the served model about live flights, and tells it what became of them.

    Ends after so many `requests`, once version `until` alone answers, or after `seconds`.
    """
    import plinth

    flights = live(days)
    versions: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    right: Counter[str] = Counter()
    failures: list[str] = []
    told: dict[str, list[int]] = {}
    joined, last = 0, deque[str](maxlen=40)
    began = time.monotonic()
    number = 0
    while time.monotonic() - began < seconds and number != requests:
        if until is not None and last.count(until) == last.maxlen:
            break
        at = number * rows % (len(flights) - rows)
        chosen = flights[at : at + rows]
        columns = {name: [inputs[name] for inputs, _ in chosen] for name in INPUTS}
        labels = [label for _, label in chosen]
        number += 1
        try:
            answer = plinth.predict(MODEL, columns)
        except plinth.PlinthError as error:
            failures.append(str(error)[:300])
        else:
            versions[answer.version] += 1
            last.append(answer.version)
            asked[answer.version] += rows
            right[answer.version] += sum(int(p) == t for p, t in zip(answer.values, labels, strict=True))
            told[answer.request_id] = labels
        if len(told) >= 20:
            joined += plinth.feedback(MODEL, told)
            told.clear()
        time.sleep(max(0.0, began + number / per_second - time.monotonic()))
    if told:
        joined += plinth.feedback(MODEL, told)
    return {
        "requests": number,
        "failed": len(failures),
        **({"failures": failures[:3]} if failures else {}),
        "rows": sum(asked.values()),
        "versions": dict(versions),
        "accuracy": {version: round(right[version] / asked[version], 4) for version in asked},
        "labelled": joined,
        "seconds": round(time.monotonic() - began, 1),
    }
