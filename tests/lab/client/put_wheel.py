"""Makes a wheel and puts it into a bucket, where notebook images of its team find it; prints the line that asks for it."""

import json
import os
import sys
import tempfile
from pathlib import Path

import boto3
from botocore.config import Config

sys.path.insert(0, str(Path(__file__).parents[2] / "support"))
from make_wheel import make_wheel  # noqa: E402

bucket, name = sys.argv[1], sys.argv[2]
s3 = boto3.client("s3", endpoint_url=os.environ["S3_URL"], config=Config(s3={"addressing_style": "path"}))
with tempfile.TemporaryDirectory() as folder:
    wheel, line = make_wheel(Path(folder), name)
    s3.upload_file(str(wheel), bucket, f"wheels/{wheel.name}")
print(json.dumps({"line": line}))
