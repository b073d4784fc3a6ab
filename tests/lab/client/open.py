"""Opens an address with the lab's authority trusted; prints the status."""

import json
import sys

import requests

print(json.dumps({"status": requests.get(sys.argv[1], timeout=30).status_code}))
