"""The server's own way to S3, in which clients have no part.

MLflow 3 offers clients pre-signed addresses of the store, and they take the offer. But the store is open to the
server alone, so a client would wait for an address that nothing answers. This repository can do all that MLflow's
own for S3 can, except to offer addresses; MLflow finds it by the entry point in entry_points.txt.

Here is also where no request leaves its workspace. MLflow checks the paths that clients send to its own proxy, but
leaves an address `s3://...` alone, and a client may name any as the source of a model version.
"""

import os
from urllib.parse import urlsplit

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.s3_artifact_repo import S3ArtifactRepository
from mlflow.utils import workspace_context
from mlflow.utils.workspace_utils import DEFAULT_WORKSPACE_NAME


def _place(uri, path=None):
    """Bucket and folders of a path below an address; a path never leads out of it."""
    parts = urlsplit(uri)
    folders = [each for each in f"{parts.path}/{path or ''}".split("/") if each not in ("", ".")]
    if ".." in folders:
        raise MlflowException(f"no path of artifacts: {path}", PERMISSION_DENIED)
    return parts.netloc, folders


def _belongs(uri, path, workspace):
    """Whether a place is in a workspace's part of the server's bucket."""
    bucket, folders = _place(uri, path)
    own, root = _place(os.environ["_MLFLOW_SERVER_ARTIFACT_DESTINATION"])
    if bucket != own or folders[: len(root)] != root:
        return False
    below = folders[len(root) :]
    if below[:1] != ["workspaces"]:
        return workspace == DEFAULT_WORKSPACE_NAME
    return below[1:2] == [workspace]


class ServerSideS3(ArtifactRepository):
    def __init__(self, artifact_uri, *args, **kwargs):
        super().__init__(artifact_uri, *args, **kwargs)
        self._store = S3ArtifactRepository(artifact_uri, *args, **kwargs)

    def log_artifact(self, local_file, artifact_path=None):
        self._check(artifact_path)
        self._store.log_artifact(local_file, artifact_path)

    def log_artifacts(self, local_dir, artifact_path=None):
        self._check(artifact_path)
        self._store.log_artifacts(local_dir, artifact_path)

    def list_artifacts(self, path=None):
        self._check(path)
        return self._store.list_artifacts(path)

    def delete_artifacts(self, artifact_path=None):
        self._check(artifact_path)
        self._store.delete_artifacts(artifact_path)

    def download_artifacts(self, artifact_path, dst_path=None):
        # Here, and not for each file of a folder: those are fetched by threads that know of no request.
        self._check(artifact_path)
        return super().download_artifacts(artifact_path, dst_path)

    def upload_archived_trace_data_bytes(self, data):
        self._check(None)
        self._store.upload_archived_trace_data_bytes(data)

    def _download_file(self, remote_file_path, local_path):
        self._check(remote_file_path)
        self._store._download_file(remote_file_path, local_path)

    def _check(self, path):
        # Outside of requests (`mlflow gc`, threads of a download) there is no workspace to leave.
        if not workspace_context.is_request_workspace_resolved():
            return
        workspace = workspace_context.get_request_workspace()
        if workspace is None or not _belongs(self.artifact_uri, path, workspace):
            raise MlflowException("these artifacts belong to another workspace", PERMISSION_DENIED)
