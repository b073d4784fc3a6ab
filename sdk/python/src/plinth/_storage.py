"""The team's bucket, from the environment."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import Any

from plinth._errors import PlinthError, package, setting


@dataclass(frozen=True)
class Storage:
    """One bucket. Keys are relative to it: `files.path("raw/a.csv")` is `s3://<bucket>/raw/a.csv`."""

    bucket: str
    endpoint: str

    def path(self, key: str = "") -> str:
        """Address for s3fs, pandas and pyarrow."""
        return f"s3://{self.bucket}/{key.lstrip('/')}"

    def spark_path(self, key: str = "") -> str:
        """Address for Spark, whose S3 client is s3a."""
        return f"s3a://{self.bucket}/{key.lstrip('/')}"

    @property
    def client(self) -> Any:
        """boto3's S3 client."""
        return package("boto3", "plinth.storage().client").client("s3", endpoint_url=self.endpoint)

    @property
    def files(self) -> Any:
        """An s3fs file system; paths are `<bucket>/<key>`."""
        options = {"endpoint_url": self.endpoint}
        return package("s3fs", "plinth.storage().files").S3FileSystem(client_kwargs=options)

    @property
    def options(self) -> dict[str, object]:
        """`storage_options` of pandas: `pandas.read_parquet(files.path("x"), storage_options=files.options)`."""
        return {"client_kwargs": {"endpoint_url": self.endpoint}}

    def version(self, key: str) -> str:
        """What is under `key` now, as `s3://<bucket>/<key>@<digest>`: another object or content, another digest.

        Nothing is read: the digest is over names, sizes and the store's own tags of content.
        """
        digest, count = hashlib.sha256(), 0
        prefix = key.lstrip("/")
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
            for each in page.get("Contents", []):
                count += 1
                digest.update(f"{each['Key']}\0{each['Size']}\0{each['ETag']}\n".encode())
        if count == 0:
            raise PlinthError(f"nothing is under {self.path(prefix)}, so it has no version; check the key")
        return f"{self.path(prefix)}@{digest.hexdigest()[:16]}"


def storage(bucket: str | None = None) -> Storage:
    """The team's bucket, or another that the pod's key opens."""
    what_for = "plinth.storage()"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        setting(name, what_for)
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or setting("AWS_ENDPOINT_URL", what_for)
    return Storage(bucket=bucket or setting("PLINTH_BUCKET", what_for), endpoint=endpoint)
