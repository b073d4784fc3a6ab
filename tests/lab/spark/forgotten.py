"""A session whose client is killed."""

import time

import plinth

spark = plinth.spark(executors=1, memory_mib=512)
print("rows", spark.range(1000).count(), flush=True)
time.sleep(3600)
