"""The mean delay of each airport, from a file of flights: both are keys of the team's bucket."""

import sys

import plinth
from pyspark.sql import SparkSession, functions

source, target = (plinth.storage().spark_path(key) for key in sys.argv[1:])
spark = SparkSession.builder.getOrCreate()
flights = spark.read.csv(source, header=True, inferSchema=True)
means = flights.groupBy("airport").agg(functions.avg("delay").alias("delay"))
means.coalesce(1).write.mode("overwrite").json(target)
print(f"{flights.count()} flights from {means.count()} airports")
spark.stop()
