"""Puts an object into a folder of the bucket, so that the folder is there. usage: make_folder.py PREFIX"""

import os
import sys

import boto3

client = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL_S3"])
# Log readers pass over names that begin with a dot.
client.put_object(Bucket=os.environ["PLINTH_BUCKET"], Key=f"{sys.argv[1].strip('/')}/.keep", Body=b"")
