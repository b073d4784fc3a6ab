"""Exits with 0 if this pod's job of the given type has had a heartbeat of late.

`airflow jobs check` asks the same, for fifty times the CPU.
"""

import os
import socket
import sys

import psycopg2

QUERY = """
    SELECT count(*) FROM job
    WHERE job_type = %s AND hostname = %s AND state = 'running' AND latest_heartbeat > now() - interval '90 seconds'
"""

with psycopg2.connect(os.environ["PLINTH_DATABASE_URL"], connect_timeout=5) as connection:
    with connection.cursor() as cursor:
        cursor.execute(QUERY, (sys.argv[1], socket.gethostname()))
        sys.exit(0 if cursor.fetchone()[0] > 0 else 1)
