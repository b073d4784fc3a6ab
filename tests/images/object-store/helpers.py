"""Runs a store's two containers, declares keys to it as the platform does, asks it as its consumers do."""

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

DEADLINE = 180
ADDRESS = "http://127.0.0.1:8333"
MOUNTED = Path("/etc/plinth")
IDENTITIES = MOUNTED / "identities" / "identities.json"
WITHDRAWN = MOUNTED / "withdrawn" / "withdrawn.json"
READY = Path("/tmp/as-declared")
LOGS = Path("/tmp/logs")

running: list[subprocess.Popen[bytes]] = []
command_lines: set[str] = set()


def access_key(owner: str, generation: int) -> str:
    return f"ACCESS{owner.upper()}{generation}".ljust(20, "X")


def secret_key(owner: str, generation: int) -> str:
    return f"secret-of-{owner}-{generation}-abcdefghijklmnop"


def user(owner: str, buckets: dict[str, str], generations: list[int]) -> dict:
    keys = [
        {"generation": each, "accessKey": access_key(owner, each), "secretKey": secret_key(owner, each)}
        for each in generations
    ]
    return {"user": owner, "buckets": buckets, "keys": keys}


def mount(path: Path, content: str) -> None:
    """Puts a file in place whole, as the kubelet does."""
    path.parent.mkdir(exist_ok=True)
    unfinished = path.with_suffix(".new")
    unfinished.write_text(content)
    unfinished.rename(path)


def declare(*users: dict) -> None:
    mount(IDENTITIES, json.dumps({"buckets": ["alpha", "beta"], "users": users}))


def start(name: str, command: list[str]) -> subprocess.Popen[bytes]:
    LOGS.mkdir(exist_ok=True)
    with (LOGS / name).open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    running.append(process)
    return process


def stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    process.wait(DEADLINE)
    running.remove(process)


def wait_until(what: str, condition: Callable[[], bool]) -> None:
    begun = time.monotonic()
    while not condition():
        look_at_command_lines()
        for process in running:
            if process.poll() is not None:
                sys.exit(f"{process.args} ended with {process.returncode} before: {what}")
        if time.monotonic() - begun > DEADLINE:
            sys.exit(f"not in {DEADLINE} s: {what}")
        time.sleep(0.1)


def look_at_command_lines() -> None:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            command_lines.add(path.read_text(errors="replace"))


def client(owner: str, generation: int):
    config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 5, "mode": "standard"})
    return boto3.client(
        "s3",
        endpoint_url=ADDRESS,
        region_name="us-east-1",
        aws_access_key_id=access_key(owner, generation),
        aws_secret_access_key=secret_key(owner, generation),
        config=config,
    )


def answer(call: Callable[[], object]) -> str:
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"]
    except BotoCoreError as error:
        return type(error).__name__
    return "ok"


def accepts(owner: str, generation: int, bucket: str) -> str:
    s3 = client(owner, generation)
    return answer(lambda: s3.list_objects_v2(Bucket=bucket, MaxKeys=1))


def wait_for_key(owner: str, generation: int, bucket: str, deadline: int = DEADLINE) -> tuple[int, str]:
    """The command of the Job that consumers wait for."""
    key = {
        "AWS_ACCESS_KEY_ID": access_key(owner, generation),
        "AWS_SECRET_ACCESS_KEY": secret_key(owner, generation),
    }
    options = f"--endpoint={ADDRESS} --region=us-east-1 --bucket={bucket} --owner={owner}"
    command = ["python3", str(MOUNTED / "files" / "wait_for_key.py"), *options.split()]
    command += [f"--generation={generation}", f"--deadline={deadline}"]
    done = subprocess.run(command, env=os.environ | key, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def listening() -> list[str]:
    """Ports that listen on anything but loopback."""
    found = set()
    loopback = ("0100007F", "00000000000000000000000001000000")
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            address, port = fields[1].split(":")
            if fields[3] == "0A" and address not in loopback:
                found.add(int(port, 16))
    return sorted(found)


def grpc_answer() -> str:
    """What S3's gRPC port says to a client without a certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        with (
            socket.create_connection(("127.0.0.1", 18333), timeout=30) as plain,
            context.wrap_socket(plain) as wrapped,
        ):
            wrapped.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            return f"answered with {len(wrapped.recv(100))} bytes"
    except ssl.SSLError as error:
        return str(error.reason)


def takes_objects(owner: str, generation: int, bucket: str) -> bool:
    """The volume server joins some time after S3 answers."""
    s3 = client(owner, generation)
    return answer(lambda: s3.put_object(Bucket=bucket, Key="probe", Body=b"probe")) == "ok"


def healthy() -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", 8333), timeout=5) as probe:
        probe.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        return b" 200 " in probe.recv(100)
    return False


def anonymous() -> str:
    with socket.create_connection(("127.0.0.1", 8333), timeout=30) as probe:
        probe.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return probe.recv(100).decode().split("\r\n")[0]
