"""Spark: flights with their airlines and airports, and of that what a model can learn from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from flights import AIRLINES, AIRPORTS, CLEAN, LABEL, LATE_MINUTES, MERGED, TABLE
from flights.world import EARTH_MILES

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def merge(spark: SparkSession, first: date, last: date) -> dict[str, Any]:
    """Flights of these days (JDBC) with names and places (CSV), to Parquet."""
    import plinth
    from pyspark.sql import functions as f

    files = plinth.storage()
    query = f"(SELECT * FROM {TABLE} WHERE flight_date BETWEEN '{first}' AND '{last}') AS chosen"
    flights = spark.read.format("jdbc").options(**plinth.database().jdbc(query)).load()
    read = {"header": True, "inferSchema": True}
    airlines = spark.read.csv(files.spark_path(AIRLINES), **read)
    airports = spark.read.csv(files.spark_path(AIRPORTS), **read)

    def of(end: str) -> DataFrame:
        return airports.select(*(airports[each].alias(f"{end}_{each}") for each in airports.columns))

    merged = (
        flights.join(f.broadcast(airlines), flights.airline == airlines.code)
        .drop("code")
        .join(f.broadcast(of("origin")), flights.origin == f.col("origin_code"))
        .join(f.broadcast(of("destination")), flights.destination == f.col("destination_code"))
        .drop("origin_code", "destination_code")
        .withColumn("distance_miles", _distance())
    )
    merged.write.mode("overwrite").parquet(files.spark_path(MERGED))
    written = spark.read.parquet(files.spark_path(MERGED))
    return {"first": str(first), "last": str(last), "rows": written.count(), "columns": len(written.columns)}


def _distance() -> Any:
    from pyspark.sql import functions as f

    here, there = (f.radians(f.col(f"{end}_latitude")) for end in ("origin", "destination"))
    turn = f.radians(f.col("destination_longitude") - f.col("origin_longitude"))
    cosine = f.sin(here) * f.sin(there) + f.cos(here) * f.cos(there) * f.cos(turn)
    return f.lit(EARTH_MILES) * f.acos(f.least(f.lit(1.0), cosine))


def clean(spark: SparkSession) -> dict[str, Any]:
    """Drops columns that say the same of every flight and flights that never arrived; labels the others."""
    import plinth
    from pyspark.sql import functions as f

    files = plinth.storage()
    merged = spark.read.parquet(files.spark_path(MERGED))
    distinct = merged.agg(*(f.count_distinct(f.col(each)).alias(each) for each in merged.columns)).first()
    dropped = single_valued(distinct.asDict())
    cleaned = (
        merged.drop(*dropped)
        .where(f.col("arrival_delay").isNotNull())
        .withColumn(LABEL, (f.col("arrival_delay") > LATE_MINUTES).cast("int"))
        # Monday is 0, as in Python.
        .withColumn("day_of_week", f.weekday(f.col("flight_date")).cast("string"))
        .withColumn("scheduled_departure", f.col("scheduled_departure").cast("double"))
    )
    # One file: it is read by pandas, and small.
    cleaned.coalesce(1).write.mode("overwrite").parquet(files.spark_path(CLEAN))
    counted = spark.read.parquet(files.spark_path(CLEAN)).agg(f.count("*").alias("rows"), f.avg(LABEL).alias("late")).first()
    return {
        "rows": counted["rows"],
        "late": round(counted["late"], 4),
        "dropped": dropped,
        "version": files.version(f"{CLEAN}/"),
    }


def single_valued(distinct: Mapping[str, int]) -> list[str]:
    """Columns of which every row says the same, or nothing, by their numbers of distinct values."""
    return sorted(name for name, count in distinct.items() if count <= 1)
