"""Will a flight be more than 15 minutes late? The steps of the project, for its notebooks and its DAGs alike."""

#: Registered models: who answers, and what makes its inputs of what callers send.
MODEL = "flight-delays"
FEATURES_MODEL = "flight-delays-features"
EXPERIMENT = "flight-delays"
#: Trains the model anew; the platform runs it when the model's inputs drift.
RETRAIN_DAG = "team-a.flights-retrain"

#: Everything of the project in the team's bucket.
FOLDER = "examples/flights"
AIRLINES = f"{FOLDER}/airlines.csv"
AIRPORTS = f"{FOLDER}/airports.csv"
MERGED = f"{FOLDER}/merged"
CLEAN = f"{FOLDER}/clean"
#: Its table in the team's database.
TABLE = "flights"

#: Minutes from which on an arrival is late.
LATE_MINUTES = 15
CATEGORIES = ["airline", "origin", "destination", "day_of_week"]
NUMBERS = [
    "scheduled_departure",
    "distance_miles",
    "departure_delay",
    "taxi_out",
    "wind_knots",
    "visibility_miles",
]
#: What is known when a flight takes off, and all that callers of the model send.
INPUTS = CATEGORIES + NUMBERS
LABEL = "late"
