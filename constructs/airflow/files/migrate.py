"""Brings the database to this version's schema, and roles and pools to what the environment asks for."""

import os

from airflow.cli.cli_parser import get_parser

pools = os.path.join(os.environ["PLINTH_AIRFLOW_FILES"], "pools.json")
parser = get_parser()
# In one process: importing Airflow takes longer than each of them.
for words in (["db", "migrate"], ["sync-perm"], ["pools", "import", pools]):
    arguments = parser.parse_args(words)
    arguments.func(arguments)
