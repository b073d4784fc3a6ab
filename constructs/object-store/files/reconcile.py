"""Keeps the buckets and keys of the store as they are declared, without a restart of the store.

Reads the declaration (a mounted Secret) and what is withdrawn (a mounted ConfigMap that may be missing), and
writes one identity per user where weed's S3 server looks for them: files of its filer, which it follows. The
filer answers on loopback only, so keys travel inside the pod and never appear in a command line or a log.
Buckets are made and never deleted; identities that aren't declared are removed.
"""

import argparse
import base64
import json
import logging
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from http import HTTPStatus
from pathlib import Path

IDENTITIES = "/etc/iam/identities"
BUCKETS = "/buckets"
# List is what HEAD and listing need; Write includes deleting objects, not buckets.
ACTIONS = {"read": ("Read", "List"), "readWrite": ("Read", "Write", "List", "Tagging")}

log = logging.getLogger("reconcile")


class Filer:
    """The HTTP interface of weed's filer."""

    def __init__(self, address: str) -> None:
        self._address = address

    def _call(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        content_type: str = "",
        missing_ok: bool = False,
    ) -> bytes | None:
        request = urllib.request.Request(self._address + path, data=body, method=method)
        request.add_header("Accept", "application/json")
        if content_type:
            request.add_header("Content-Type", content_type)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.read()
        except urllib.error.HTTPError as error:
            if missing_ok and error.code == HTTPStatus.NOT_FOUND:
                return None
            raise OSError(f"filer: {method} {path.split('?')[0]}: HTTP {error.code}") from None

    def write(self, path: str, content: bytes) -> None:
        """Stores content inside the filer's own entry: the S3 server reads identities nowhere else."""
        boundary = uuid.uuid4().hex
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="content"\r\n\r\n'
        body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
        form = f"multipart/form-data; boundary={boundary}"
        self._call("POST", f"{path}?saveInside=true", body=body, content_type=form)

    def delete(self, path: str) -> None:
        self._call("DELETE", path, missing_ok=True)

    def make_folder(self, path: str) -> None:
        self._call("POST", f"{path}/")

    def entries(self, folder: str) -> dict[str, bytes]:
        """What is in a folder: names, and the content that is stored inside each entry."""
        found = {}
        last, more = "", True
        while more:
            query = urllib.parse.urlencode({"limit": 1000, "lastFileName": last})
            listed = self._call("GET", f"{folder}/?{query}", missing_ok=True)
            page = json.loads(listed) if listed else {}
            for entry in page.get("Entries") or []:
                name = entry["FullPath"].rsplit("/", 1)[1]
                found[name] = base64.b64decode(entry.get("Content") or "")
            last, more = page.get("LastFileName", ""), page.get("ShouldDisplayLoadMore", False)
        return found


def wanted_identities(declared: dict, withdrawn: list[dict]) -> dict[str, dict]:
    """One identity per user. A withdrawal ends its generation and those before, but never the newest."""
    ended = {each["user"]: each["generation"] for each in withdrawn}
    identities = {}
    for user in declared["users"]:
        newest = max(key["generation"] for key in user["keys"])
        end = min(ended.get(user["user"], 0), newest - 1)
        kept = [key for key in user["keys"] if key["generation"] > end]
        identities[user["user"]] = {
            "name": user["user"],
            "credentials": [
                {"access_key": key["accessKey"], "secret_key": key["secretKey"], "status": "Active"}
                for key in kept
            ],
            "actions": [
                f"{action}:{bucket}"
                for bucket, mode in sorted(user["buckets"].items())
                for action in ACTIONS[mode]
            ],
        }
    return identities


def reconcile(filer: Filer, declared: dict, withdrawn: list[dict]) -> list[str]:
    """Makes the store as declared; answers with what it changed, without any key."""
    changes = []
    present = filer.entries(BUCKETS)
    for bucket in declared["buckets"]:
        if bucket not in present:
            filer.make_folder(f"{BUCKETS}/{urllib.parse.quote(bucket)}")
            changes.append(f"made bucket {bucket}")
    wanted = wanted_identities(declared, withdrawn)
    stored = filer.entries(IDENTITIES)
    for name, identity in wanted.items():
        content = json.dumps(identity, sort_keys=True).encode()
        if stored.get(f"{name}.json") != content:
            filer.write(f"{IDENTITIES}/{urllib.parse.quote(name)}.json", content)
            changes.append(f"set {name}, keys: {len(identity['credentials'])}")
    for name in sorted(stored.keys() - {f"{name}.json" for name in wanted}):
        filer.delete(f"{IDENTITIES}/{urllib.parse.quote(name)}")
        changes.append(f"removed {name.removesuffix('.json')}")
    return changes


def read_inputs(identities: Path, withdrawn: Path) -> tuple[str, str]:
    return identities.read_text(), withdrawn.read_text() if withdrawn.exists() else "[]"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--filer", required=True, help="address of the filer, such as http://127.0.0.1:8888")
    parser.add_argument(
        "--identities", type=Path, required=True, help="JSON file with buckets, users and keys"
    )
    parser.add_argument(
        "--withdrawn", type=Path, required=True, help="JSON file with ended generations; may be missing"
    )
    parser.add_argument(
        "--ready", type=Path, required=True, help="file that exists while the last pass succeeded"
    )
    parser.add_argument("--look-every", type=float, default=2, help="seconds between looks at the two files")
    parser.add_argument(
        "--repair-every", type=float, default=60, help="seconds between passes when nothing changed"
    )
    options = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)

    filer = Filer(options.filer)
    options.ready.unlink(missing_ok=True)
    done: tuple[str, str] | None = None
    last_pass = 0.0
    failure = ""
    while True:
        try:
            inputs = read_inputs(options.identities, options.withdrawn)
            if inputs != done or time.monotonic() - last_pass > options.repair_every:
                declared, withdrawn = json.loads(inputs[0]), json.loads(inputs[1])
                for change in reconcile(filer, declared, withdrawn):
                    log.info("%s", change)
                if failure or done is None:
                    log.info(
                        "as declared: %d buckets, %d users", len(declared["buckets"]), len(declared["users"])
                    )
                done, failure, last_pass = inputs, "", time.monotonic()
                options.ready.touch()
        except (OSError, ValueError, KeyError, TypeError) as error:
            options.ready.unlink(missing_ok=True)
            done = None
            # Decoding errors would quote what they were given.
            malformed = f"the declaration is malformed ({type(error).__name__})"
            described = str(error) if isinstance(error, OSError) else malformed
            if described != failure:
                log.error("not as declared, will be tried again: %s", described)
            failure = described
        time.sleep(options.look_every)


if __name__ == "__main__":
    main()
