"""Brings the tracking database to the schema of this MLflow version, before a server of that version starts.

An empty database gets the whole schema; any other is upgraded. The address comes from the environment, so that
no password stands on a command line.
"""

import os

from mlflow.store.db import utils

engine = utils.create_sqlalchemy_engine_with_retry(os.environ["MLFLOW_BACKEND_STORE_URI"])
if utils._all_tables_exist(engine):
    utils._upgrade_db(engine)
    print("The schema is up to date.", flush=True)
else:
    utils._initialize_tables(engine)
    print("The schema was made.", flush=True)
