"""The server's own way to S3, in which clients have no part.

MLflow 3 offers clients pre-signed addresses of the store, and they take the offer. But the store is open to the
server alone, so a client would wait for an address that nothing answers. This repository can do all that MLflow's
own for S3 can, except to offer addresses; MLflow finds it by the entry point in entry_points.txt.
"""

from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.s3_artifact_repo import S3ArtifactRepository


class ServerSideS3(ArtifactRepository):
    def __init__(self, artifact_uri, *args, **kwargs):
        super().__init__(artifact_uri, *args, **kwargs)
        self._store = S3ArtifactRepository(artifact_uri, *args, **kwargs)

    def log_artifact(self, local_file, artifact_path=None):
        self._store.log_artifact(local_file, artifact_path)

    def log_artifacts(self, local_dir, artifact_path=None):
        self._store.log_artifacts(local_dir, artifact_path)

    def list_artifacts(self, path=None):
        return self._store.list_artifacts(path)

    def delete_artifacts(self, artifact_path=None):
        self._store.delete_artifacts(artifact_path)

    def upload_archived_trace_data_bytes(self, data):
        self._store.upload_archived_trace_data_bytes(data)

    def _download_file(self, remote_file_path, local_path):
        self._store._download_file(remote_file_path, local_path)
