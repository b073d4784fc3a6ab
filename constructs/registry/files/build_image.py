"""Builds a team's notebook image: the packages that it asks for, as one more layer on the platform's own.

Runs in the platform's notebook image, as its user, with nothing but folders to write to. Wheels come from the team's
bucket. What keeps it from going on is recorded where the hub reads it, and tried again until the pod's time is up.
"""

import importlib.metadata
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
import urllib.request
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

# In the image that is made: the packages, and the file by which Python finds them, after its own.
PACKAGES = Path("opt/team-image")
POINTER = Path(sysconfig.get_path("purelib").lstrip("/"), "team-image.pth")
WHEELS = "wheels/"
AGAIN_SECONDS = 15


class Hindered(Exception):
    """Why there is no image yet, in a sentence for the people of the team."""


def asked_for(requirements):
    """Name and version of each line `name==version --hash=...`, which is all that an environment may say."""
    lines = [line for line in requirements.read_text().splitlines() if line]
    pairs = [line.split(" ", 1)[0].split("==", 1) for line in lines]
    try:
        return {(canonicalize_name(name), Version(version)) for name, version in pairs}
    except InvalidVersion as error:
        raise Hindered(f"requirements: {error}") from None


def refuse_other_versions(asked, installed):
    """Python finds the image's own packages first: another version of one would never be imported."""
    clashes = sorted(f"{name}=={installed[name]}" for name, version in asked if installed.get(name, version) != version)
    if clashes:
        raise Hindered(f"the platform's image has {', '.join(clashes)}: ask for these versions, or leave them out")


def fetch_wheels(s3, bucket, asked, folder):
    """The wheels of what is asked for, of whatever platform: pip chooses."""
    missing = set(asked)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=WHEELS):
        for key in (entry["Key"] for entry in page.get("Contents", [])):
            try:
                name, version, *_ = parse_wheel_filename(key.removeprefix(WHEELS))
            except InvalidWheelFilename:
                continue
            if (name, version) in asked:
                s3.download_file(bucket, key, str(folder / Path(key).name))
                missing.discard((name, version))
    if missing:
        names = ", ".join(sorted(f"{name}=={version}" for name, version in missing))
        raise Hindered(f"s3://{bucket}/{WHEELS} has no wheel of {names}")


def pip(*arguments, path=None):
    """pip by itself: no index, no settings of the image, none of its user's packages."""
    own = {"HOME": "/tmp", "TMPDIR": tempfile.gettempdir(), "PIP_CONFIG_FILE": os.devnull}
    environment = {"PATH": os.environ["PATH"], **own}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-cache-dir", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def install(requirements, wheels, site):
    """Exactly what is asked for, each file by its hash. Wheels are unpacked: nothing of them is executed."""
    done = pip(
        *("install", "--no-index", f"--find-links={wheels}", "--require-hashes", "--only-binary=:all:", "--no-deps"),
        *("--no-compile", f"--target={site}", f"--requirement={requirements}"),
    )
    if done.returncode != 0:
        raise Hindered(f"pip: {said(done.stderr)}")
    # What the image itself lacks is none of the team's doing.
    before = set(pip("check").stdout.splitlines())
    checked = pip("check", path=site)
    broken = [line for line in checked.stdout.splitlines() if line not in before]
    if checked.returncode != 0 and broken:
        raise Hindered(f"the packages don't fit together: {'; '.join(broken)}")


def said(text):
    """A program's complaint as a line; warnings come before it."""
    complaint = re.search(r"^(?:ERROR|Error): ", text, re.MULTILINE)
    return re.sub(r"\s+", " ", text[complaint.end() if complaint else 0 :]).strip()[:600]


def write_layer(site, layer):
    """The same files give the same bytes: by name, of root, of no time."""
    pointer = site.parent / "pointer"
    pointer.write_text(f"/{PACKAGES}\n")
    entries = {PACKAGES: site, POINTER: pointer}
    entries |= {PACKAGES / path.relative_to(site): path for path in site.rglob("*")}
    with tarfile.open(layer, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, path in sorted(entries.items()):
            entry = archive.gettarinfo(path, str(name))
            entry.mtime = entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            entry.mode = 0o755 if path.is_dir() or entry.mode & 0o100 else 0o644
            # A hard link of the work folder's is a file like any other.
            if path.is_file():
                entry.type, entry.size, entry.linkname = tarfile.REGTYPE, path.stat().st_size, ""
                with path.open("rb") as content:
                    archive.addfile(entry, content)
            else:
                archive.addfile(entry)


def crane(*arguments):
    # The registry's Service speaks HTTP; its host inside is no name that anybody has a certificate for.
    return subprocess.run(["/work/crane", "--insecure", *arguments], capture_output=True, text=True, check=False)


def pinned(base):
    """The base by its digest: the layer fits what was looked at, whatever the tag is moved to meanwhile."""
    found = crane("digest", base)
    if found.returncode != 0:
        # It asks by HEAD, whose answer has a status and no code.
        if re.search(r"MANIFEST_UNKNOWN|NAME_UNKNOWN|unexpected status code 404", found.stderr):
            raise Hindered(
                f"the registry lacks the image that others are built on, {base.split('/', 1)[1]}; "
                "an administrator pushes it: see constructs/registry/README.md"
            )
        raise Hindered(f"the registry: {said(found.stderr)}")
    return f"{base.rsplit(':', 1)[0]}@{found.stdout.strip()}"


def append(base, layer, target):
    """Pushes the base with the layer on it; answers with the digest of what came of it."""
    pushed = crane("append", f"--base={base}", f"--new_layer={layer}", f"--new_tag={target}")
    if pushed.returncode != 0:
        raise Hindered(f"the registry: {said(pushed.stderr)}")
    return pushed.stdout.strip().rsplit("@", 1)[1]


class Record:
    """What the hub reads: a ConfigMap that is there, of which this pod may change the one of its image."""

    folder = Path("/var/run/secrets/kubernetes.io/serviceaccount")

    def __init__(self, namespace, name):
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
        path = f"/api/v1/namespaces/{namespace}/configmaps/{name}"
        self._url = f"https://{host}:{port}{path}?fieldManager=plinth-notebook-image"
        self._context = ssl.create_default_context(cafile=str(self.folder / "ca.crt"))

    def write(self, **data):
        """None removes a field."""
        headers = {
            "Authorization": f"Bearer {(self.folder / 'token').read_text()}",
            "Content-Type": "application/merge-patch+json",
        }
        body = json.dumps({"data": data}).encode()
        request = urllib.request.Request(self._url, method="PATCH", headers=headers, data=body)
        urllib.request.urlopen(request, timeout=30, context=self._context).close()


def build(requirements, work):
    shutil.rmtree(work, ignore_errors=True)
    wheels, site = work / "wheels", work / "site"
    wheels.mkdir(parents=True)
    # Before what takes minutes.
    base = pinned(os.environ["IMAGE_BASE"])
    asked = asked_for(requirements)
    installed = {canonicalize_name(each.name): Version(each.version) for each in importlib.metadata.distributions()}
    refuse_other_versions(asked, installed)
    fetch_wheels(boto3.client("s3"), os.environ["PLINTH_BUCKET"], asked, wheels)
    install(requirements, wheels, site)
    layer = work / "layer.tar"
    write_layer(site, layer)
    return append(base, layer, os.environ["IMAGE_TARGET"])


def sign_in_at_registry(folder):
    """A Secret of Kubernetes calls the file otherwise than crane does."""
    folder.mkdir(exist_ok=True)
    shutil.copy("/etc/plinth/registry/.dockerconfigjson", folder / "config.json")
    os.environ["DOCKER_CONFIG"] = str(folder)


def main():
    # Large wheels are unpacked there first.
    tempfile.tempdir = "/work"
    sign_in_at_registry(Path("/tmp/registry"))
    record = Record(os.environ["NAMESPACE"], os.environ["RECORD"])
    told = None
    while True:
        try:
            digest = build(Path("/etc/plinth/image/requirements.txt"), Path("/work/build"))
        except (Hindered, BotoCoreError, ClientError) as hindrance:
            if str(hindrance) != told:
                told = str(hindrance)
                print(f"no image yet: {told}", flush=True)
                record.write(problem=told)
            time.sleep(AGAIN_SECONDS)
        except Exception as unforeseen:
            # Whoever looks at the hub is told something truer than that it is being built; the Job tries again.
            record.write(problem=f"the build failed ({type(unforeseen).__name__}); its pod's log says more")
            raise
        else:
            record.write(digest=digest, built=os.environ["IMAGE_CONTENT"], problem=None)
            print(f"{os.environ['IMAGE_TARGET']}@{digest}", flush=True)
            return


if __name__ == "__main__":
    main()
