"""KubernetesExecutor whose pods run in the namespace of the team that the DAG belongs to."""

import copy

import plinth_teams
from airflow.providers.cncf.kubernetes.executors.kubernetes_executor import KubernetesExecutor
from kubernetes.client import models as k8s


class TeamKubernetesExecutor(KubernetesExecutor):
    def execute_async(self, key, command, queue=None, executor_config=None):
        # The bundle is what the scheduler knows, and nothing that a DAG could say of itself.
        team = plinth_teams.named(command[0].bundle_info.name)
        pod = self._override(executor_config)
        pod.metadata = k8s.V1ObjectMeta(namespace=plinth_teams.TEAMS[team]["namespace"])
        config = {
            "pod_override": pod,
            "pod_template_file": str(plinth_teams.FOLDER / f"task-{team}.json"),
        }
        super().execute_async(key, command, queue=queue, executor_config=config)

    @staticmethod
    def _override(executor_config):
        """The author's own wishes for the pod, but for where it runs and what: those are the scheduler's."""
        pod = copy.deepcopy((executor_config or {}).get("pod_override")) or k8s.V1Pod()
        pod.spec = pod.spec or k8s.V1PodSpec(containers=[])
        if not pod.spec.containers:
            pod.spec.containers = [k8s.V1Container(name="base")]
        pod.spec.containers[0].args = None
        pod.spec.containers[0].command = None
        return pod
