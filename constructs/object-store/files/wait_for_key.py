"""Waits until the store accepts a key on a bucket, so that workloads start with keys that work.

The key is in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Ends with 1 when it isn't accepted in time.
"""

import argparse
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--owner", required=True, help="whose key it is, for messages")
    parser.add_argument("--generation", required=True, help="which of its keys, for messages")
    parser.add_argument("--deadline", type=float, default=300, help="seconds")
    options = parser.parse_args()

    config = Config(
        s3={"addressing_style": "path"},
        retries={"total_max_attempts": 1},
        connect_timeout=5,
        read_timeout=10,
    )
    s3 = boto3.client("s3", endpoint_url=options.endpoint, region_name=options.region, config=config)
    key = f"the key of {options.owner}, generation {options.generation}, on bucket {options.bucket}"
    begun = time.monotonic()
    answer = ""
    while time.monotonic() - begun < options.deadline:
        try:
            s3.list_objects_v2(Bucket=options.bucket, MaxKeys=1)
        except ClientError as error:
            last = f"{options.endpoint} answers {error.response['Error']['Code']}"
        except BotoCoreError as error:
            last = str(error)
        else:
            print(f"accepted after {time.monotonic() - begun:.0f} s: {key}", flush=True)
            return
        if last != answer:
            print(f"waiting for {key}: {last}", flush=True)
        answer = last
        time.sleep(1)
    sys.exit(
        f"not accepted in {options.deadline:.0f} s: {key}: {answer}; "
        "see the log of container 'reconcile' in the store's pod"
    )


if __name__ == "__main__":
    main()
