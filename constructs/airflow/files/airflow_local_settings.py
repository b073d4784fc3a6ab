"""What every DAG is held to when it is parsed, whatever its author wrote."""

import plinth_teams
from airflow.exceptions import AirflowClusterPolicyViolation

ACCESS = {
    "DAGs": {"can_read", "can_edit", "can_delete"},
    "DAG Runs": {"can_read", "can_create", "can_delete"},
}


def dag_policy(dag):
    """A DAG belongs to the team of its bundle, by name and by who may see it."""
    try:
        team = plinth_teams.of_file(dag.fileloc)
    except ValueError as reason:
        raise AirflowClusterPolicyViolation(str(reason)) from reason
    if not dag.dag_id.startswith(f"{team}."):
        raise AirflowClusterPolicyViolation(f"{dag.dag_id}: a DAG of {team} must be called {team}.<name>")
    dag.access_control = {team: ACCESS}


def task_policy(task):
    """A team's tasks share the team's pool."""
    task.pool = plinth_teams.of_dag(task.dag.dag_id)
