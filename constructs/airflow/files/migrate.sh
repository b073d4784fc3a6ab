# Brings the database to this version's schema, and roles and pools to what the environment asks for.
set -eu
airflow db migrate
airflow sync-perm
airflow pools import "$PLINTH_AIRFLOW_FILES/pools.json"
