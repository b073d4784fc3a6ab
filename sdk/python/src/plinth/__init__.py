"""Spark, object storage, experiment tracking and served models of a Plinth platform, without set-up.

    import plinth

    spark = plinth.spark(executors=2)        # a session of one's own, gone with this pod
    files = plinth.storage()                 # the team's bucket
    with plinth.track("flights", data=files.version("flights/clean")):
        ...                                  # an MLflow run that knows its code, packages and data
        plinth.baseline(test, model.predict(test), labels)
    plinth.deploy("delays", 3)               # alias champion, which the platform's rollout follows
    plinth.serve("prices", 1)                # or at once and by hand, until plinth.undeploy("prices")
    answer = plinth.predict("delays", rows)
    plinth.feedback("delays", {answer.request_id: truth})
"""

from plinth._baseline import baseline
from plinth._batch import spark_application
from plinth._database import Database, database
from plinth._errors import PlinthError
from plinth._http import ServiceError
from plinth._models import Prediction, deploy, feedback, predict
from plinth._serve import serve, undeploy
from plinth._spark import spark
from plinth._storage import Storage, storage
from plinth._track import track

__all__ = [
    "Database",
    "PlinthError",
    "Prediction",
    "ServiceError",
    "Storage",
    "baseline",
    "database",
    "deploy",
    "feedback",
    "predict",
    "serve",
    "spark",
    "spark_application",
    "storage",
    "track",
    "undeploy",
]
__version__ = "0.1.0"
