"""Makes a bucket with the administrator's key, or finds that it is there and ours. Never deletes one.

The key is in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
"""

import argparse
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--bucket", required=True)
    options = parser.parse_args()

    config = Config(s3={"addressing_style": "path"}, connect_timeout=10, read_timeout=30)
    s3 = boto3.client("s3", endpoint_url=options.endpoint, region_name=options.region, config=config)
    try:
        s3.head_bucket(Bucket=options.bucket)
        print(f"bucket {options.bucket} is there")
        return
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status == 403:
            sys.exit(f"bucket {options.bucket} is somebody else's, or the administrator's key may not see it")
        if status != 404:
            raise
    except BotoCoreError as error:
        sys.exit(f"bucket {options.bucket}: {options.endpoint}: {error}")
    # S3 in us-east-1 refuses the region that every other region asks for.
    place = (
        {}
        if options.region == "us-east-1"
        else {"CreateBucketConfiguration": {"LocationConstraint": options.region}}
    )
    s3.create_bucket(Bucket=options.bucket, **place)
    print(f"made bucket {options.bucket}")


if __name__ == "__main__":
    main()
