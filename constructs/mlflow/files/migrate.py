"""Brings the tracking database to the schema of this MLflow version, before a server of that version starts.

An empty database gets the whole schema; any other is upgraded. The address comes from the environment, so that
no password stands on a command line. Then makes the workspaces that aren't there; none is ever removed.
"""

import os

from mlflow.entities import Workspace
from mlflow.store.db import utils
from mlflow.store.workspace.sqlalchemy_store import SqlAlchemyStore

engine = utils.create_sqlalchemy_engine_with_retry(os.environ["MLFLOW_BACKEND_STORE_URI"])
if utils._all_tables_exist(engine):
    utils._upgrade_db(engine)
    print("The schema is up to date.", flush=True)
else:
    utils._initialize_tables(engine)
    print("The schema was made.", flush=True)

workspaces = SqlAlchemyStore(os.environ["MLFLOW_BACKEND_STORE_URI"])
known = {each.name for each in workspaces.list_workspaces()}
for name in os.environ["WORKSPACES"].split():
    if name not in known:
        workspaces.create_workspace(Workspace(name=name, description=f"Experiments and models of team {name}"))
print("The workspaces are there.", flush=True)
