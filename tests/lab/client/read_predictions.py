"""Brings what the prediction log has written of a model to a folder, with a key from the environment.

usage: read_predictions.py BUCKET MODEL FOLDER; prints the objects' keys, by the file that each is in.
"""

import json
import os
import sys

import boto3
from botocore.config import Config

bucket, model, folder = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=os.environ["S3_URL"], config=Config(s3={"addressing_style": "path"}))
found = {}
for kind in ("predictions", "labels"):
    for entry in s3.list_objects_v2(Bucket=bucket, Prefix=f"plinth/{kind}/model={model}/").get("Contents", []):
        path = os.path.join(folder, entry["Key"].replace("/", "_"))
        if not os.path.exists(path):
            s3.download_file(bucket, entry["Key"], path)
        found[path] = entry["Key"]
print(json.dumps(found))
