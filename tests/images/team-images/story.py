"""Builds notebook images in the notebook image, against the platform's registry; prints what came of it as JSON."""

import base64
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
from pathlib import Path

sys.path[:0] = ["/files", "/support"]
import build_image  # noqa: E402
from make_wheel import make_wheel  # noqa: E402

REGISTRY = "127.0.0.1:5000"
BASE = f"{REGISTRY}/plinth/notebook:1"
BUCKET = Path("/tmp/bucket")
PASSWORDS = {"plinth": "shared-secret", "team-a": "secret-of-a", "team-b": "secret-of-b"}


class Store:
    """What boto3's client answers of a bucket that is a folder."""

    def get_paginator(self, _):
        return self

    def paginate(self, Bucket, Prefix):
        return [{"Contents": [{"Key": f"{Prefix}{path.name}"} for path in (BUCKET / Prefix).iterdir()]}]

    def download_file(self, _, key, to):
        shutil.copy(BUCKET / key, to)


def status(account, password, path, method="GET"):
    request = urllib.request.Request(f"http://{REGISTRY}{path}", method=method)
    if account is not None:
        told = base64.b64encode(f"{account}:{password}".encode()).decode()
        request.add_header("Authorization", f"Basic {told}")
    try:
        return urllib.request.urlopen(request, timeout=30).status
    except urllib.error.HTTPError as error:
        return error.code


def start_registry():
    Path("/tmp/accounts.json").write_text(json.dumps(PASSWORDS))
    command = ["/tools/registry", "serve", "/story/config.yml"]
    subprocess.Popen(command, env={"OTEL_TRACES_EXPORTER": "none", "REGISTRY_HTTP_SECRET": "x"}, stderr=sys.stderr)
    deadline = time.monotonic() + 60
    while True:
        try:
            return urllib.request.urlopen(f"http://{REGISTRY}/", timeout=5)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def sign_in(account):
    folder = Path("/tmp/sign-in")
    folder.mkdir(exist_ok=True)
    login = {"auths": {REGISTRY: {"username": account, "password": PASSWORDS[account]}}}
    (folder / "config.json").write_text(json.dumps(login))
    os.environ["DOCKER_CONFIG"] = str(folder)


def push_base():
    sign_in("plinth")
    Path("/tmp/hello").write_text("hello")
    with tarfile.open("/tmp/base.tar", "w") as archive:
        archive.add("/tmp/hello", "hello")
    build_image.crane("append", "--new_layer=/tmp/base.tar", f"--new_tag={BASE}").check_returncode()


def built(lines, team="team-a", base=BASE):
    requirements = Path("/tmp/requirements.txt")
    requirements.write_text("".join(f"{line}\n" for line in lines))
    os.environ |= {"IMAGE_BASE": base, "IMAGE_TARGET": f"{REGISTRY}/{team}/geo:x", "PLINTH_BUCKET": "team-a"}
    try:
        return build_image.build(requirements, Path("/work/build"))
    except build_image.Hindered as hindrance:
        return str(hindrance)


def layers(digest):
    manifest = build_image.crane("manifest", f"{REGISTRY}/team-a/geo@{digest}").stdout
    return [each["digest"] for each in json.loads(manifest)["layers"]]


def imported(digest):
    """Whether Python finds the package by what the layer holds, with the layer's folders in their places."""
    layer = Path("/work/layer.tar.gz")
    layer.write_bytes(subprocess.run(
        ["/work/crane", "--insecure", "blob", f"{REGISTRY}/team-a/geo@{layers(digest)[-1]}"], capture_output=True, check=True
    ).stdout)
    with tarfile.open(layer) as archive:
        return sorted(archive.getnames()), archive.extractfile(str(build_image.POINTER)).read().decode()


def main():
    shutil.copy("/tools/crane", "/work/crane")
    build_image.boto3.client = lambda _: Store()
    start_registry()
    push_base()
    wheels = BUCKET / "wheels"
    wheels.mkdir(parents=True)
    _, small = make_wheel(wheels, "small_thing")
    _, needy = make_wheel(wheels, "needy", ["absent-thing>2"])
    sign_in("team-a")
    first = built([small])
    second = built([small])
    base = build_image.crane("digest", BASE).stdout.strip()
    names, pointer = imported(first)
    upload = "/v2/{}/geo/blobs/uploads/"
    seen = {
        "digests": [first, second],
        "base": [base, len(layers(first))],
        "names": names,
        "pointer": pointer,
        "hindered": {
            "dependency": built([needy]),
            "wheel": built([small.replace("==1.0", "==2.0")]),
            "hash": built([small[:-4] + "0000"]),
            "version": built([f"boto3==1.0 --hash=sha256:{'0' * 64}"]),
            "no version": built([f"small_thing==1-_ --hash=sha256:{'0' * 64}"]),
            "base": built([small.replace("==1.0", "==2.0")], base=f"{REGISTRY}/plinth/notebook:2"),
            "another team": built([small], team="team-b"),
        },
        "statuses": {
            "nobody": status(None, None, "/v2/"),
            "wrong password": status("team-a", "secret-of-b", "/v2/"),
            "own": status("team-a", PASSWORDS["team-a"], upload.format("team-a"), "POST"),
            "another's": status("team-b", PASSWORDS["team-b"], upload.format("team-a"), "POST"),
            "another's image": status("team-b", PASSWORDS["team-b"], "/v2/team-a/geo/manifests/x"),
            "a longer name": status("team-a", PASSWORDS["team-a"], upload.format("team-abc"), "POST"),
            "shared, pulled": status("team-b", PASSWORDS["team-b"], "/v2/plinth/notebook/manifests/1"),
            "shared, pushed": status("team-b", PASSWORDS["team-b"], upload.format("plinth"), "POST"),
            "catalogue": status("plinth", PASSWORDS["plinth"], "/v2/_catalog"),
        },
    }
    with urllib.request.urlopen("http://127.0.0.1:5001/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    seen["metrics"] = [line for line in lines if line.startswith("registry_http_requests_total{")]
    print(json.dumps(seen))


main()
