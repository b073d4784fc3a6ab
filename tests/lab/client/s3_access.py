"""Tries an S3 key, from the environment, on a bucket; prints what was done or the code of the refusal."""

import json
import os
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

action, bucket = sys.argv[1], sys.argv[2]
s3 = boto3.client(
    "s3",
    endpoint_url=os.environ["S3_URL"],
    config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
)
try:
    match action:
        case "list":
            answer = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        case "get":
            answer = s3.get_object(Bucket=bucket, Key=sys.argv[3])["Body"].read().decode()
        case "put":
            s3.put_object(Bucket=bucket, Key=sys.argv[3], Body=b"written by a test")
            answer = "written"
        case "create":
            s3.create_bucket(Bucket=bucket)
            answer = "created"
except ClientError as error:
    answer = error.response["Error"]["Code"]
print(json.dumps({"answer": answer}))
