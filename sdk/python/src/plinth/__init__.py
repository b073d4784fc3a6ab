"""Spark, object storage and experiment tracking of a Plinth platform, without set-up.

    import plinth

    spark = plinth.spark(executors=2)        # a session of one's own, gone with this pod
    files = plinth.storage()                 # the team's bucket
    with plinth.track("flights") as run:     # an MLflow run that knows its code and packages
        ...
"""

from plinth._batch import spark_application
from plinth._errors import PlinthError
from plinth._spark import spark
from plinth._storage import Storage, storage
from plinth._track import track

__all__ = ["PlinthError", "Storage", "spark", "spark_application", "storage", "track"]
__version__ = "0.1.0"
