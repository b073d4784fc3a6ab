"""Exits with 0 if this pod's job of the given type has had a heartbeat of late.

`airflow jobs check` asks the same, for fifty times the CPU. With `--unless-database-is-down`, a database that doesn't
answer says nothing about the job: ending the process wouldn't bring the database back.
"""

import os
import socket
import sys

import psycopg2

QUERY = """
    SELECT count(*) FROM job
    WHERE job_type = %s AND hostname = %s AND state = 'running' AND latest_heartbeat > now() - interval '90 seconds'
"""


def beats(job: str) -> bool:
    with psycopg2.connect(os.environ["PLINTH_DATABASE_URL"], connect_timeout=5) as connection:
        with connection.cursor() as cursor:
            # A database that takes a connection and then hangs is down as well; the probe ends after ten seconds.
            cursor.execute("SET statement_timeout = '3s'")
            cursor.execute(QUERY, (job, socket.gethostname()))
            return cursor.fetchone()[0] > 0


job, *options = sys.argv[1:]
try:
    alive = beats(job)
except psycopg2.OperationalError as error:
    print(f"the database doesn't answer: {error}", file=sys.stderr)
    alive = "--unless-database-is-down" in options
sys.exit(0 if alive else 1)
