"""In MLflow's own pod, so that no path needs opening: an alias is set, and what the webhook sends is checked.

usage: webhook.py TOKEN PORT; prints what came.
"""

import base64
import hashlib
import hmac
import json
import queue
import sys
import threading
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, HTTPServer

token, port = sys.argv[1], sys.argv[2]
secret = uuid.uuid4().hex
came: queue.Queue = queue.Queue()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        came.put((self.headers, self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def call(method, path, body):
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    url = f"http://localhost:{port}/api/2.0/mlflow/{path}"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or b"{}")


receiver = HTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=receiver.serve_forever, daemon=True).start()
name = f"webhook-{uuid.uuid4().hex[:8]}"
webhook = call(
    "POST",
    "webhooks",
    {
        "name": name,
        "url": f"http://127.0.0.1:{receiver.server_port}/",
        "events": [{"entity": "MODEL_VERSION_ALIAS", "action": "CREATED"}],
        "secret": secret,
    },
)["webhook"]
try:
    call("POST", "registered-models/create", {"name": name})
    call("POST", "model-versions/create", {"name": name, "source": "s3://mlflow/workspaces/team-a/none"})
    # Another process of the server may know the list of webhooks from before, for a minute.
    for attempt in range(30):
        call("POST", "registered-models/alias", {"name": name, "alias": f"champion-{attempt}", "version": "1"})
        try:
            headers, body = came.get(timeout=5)
            break
        except queue.Empty:
            continue
    else:
        raise SystemExit("nothing came")
finally:
    call("DELETE", f"webhooks/{webhook['webhook_id']}", {})
    call("DELETE", "registered-models/delete", {"name": name})
signed = f"{headers['X-MLflow-Delivery-Id']}.{headers['X-MLflow-Timestamp']}.{body.decode()}"
expected = base64.b64encode(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()).decode()
told = json.loads(body)
print(
    json.dumps(
        {
            "event": f"{told['entity']}.{told['action']}",
            "ours": told["data"]["name"] == name,
            "signed": headers["X-MLflow-Signature"] == f"v1,{expected}",
        }
    )
)
