"""Logs of tasks are read from the bucket of the team that the task belongs to, where its pod put them."""

import copy
from functools import cache

import plinth_teams
from airflow.config_templates.airflow_local_settings import DEFAULT_LOGGING_CONFIG

LOGGING_CONFIG = copy.deepcopy(DEFAULT_LOGGING_CONFIG)


@cache
def _of(team):
    # Logging is set up before what this needs can be imported.
    from airflow.configuration import conf
    from airflow.providers.amazon.aws.log.s3_task_handler import S3RemoteLogIO

    return S3RemoteLogIO(
        remote_base=plinth_teams.TEAMS[team]["logs"],
        base_log_folder=conf.get_mandatory_value("logging", "base_log_folder"),
        delete_local_copy=False,
    )


class TeamLogs:
    """What Airflow asks for logs (RemoteLogIO); a deferred task's trigger writes where its pod did."""

    processors = ()

    def upload(self, path, ti=None):
        if ti is not None:
            _of(plinth_teams.of_dag(ti.dag_id)).upload(path, ti)

    def read(self, relative_path, ti):
        return _of(plinth_teams.of_dag(ti.dag_id)).read(relative_path, ti)


REMOTE_TASK_LOG = TeamLogs()
DEFAULT_REMOTE_CONN_ID = "aws_default"
