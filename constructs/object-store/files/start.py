"""Starts weed with the one port closed that can't be bound to loopback.

The S3 server's gRPC port takes new identities from anybody, and listens wherever S3 does. So it asks for a
certificate that no client can present: made here, signed by itself, its key readable in this container only.
usage: start.py ARGUMENT... of weed
"""

import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(os.environ.get("PLINTH_CERTIFICATE_FOLDER", "/tmp/grpc"))


def make_certificate(folder: Path) -> tuple[Path, Path]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    request = "openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1"
    command = f"{request} -days 36500 -subj /CN=nobody -keyout {key} -out {certificate}".split()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"openssl made no certificate for the S3 gRPC port: {done.stderr.strip()}")
    return certificate, key


def main() -> None:
    certificate, key = make_certificate(FOLDER)
    closed = {
        "WEED_GRPC_CA": str(certificate),
        "WEED_GRPC_S3_CERT": str(certificate),
        "WEED_GRPC_S3_KEY": str(key),
    }
    os.execvpe("weed", ["weed", *sys.argv[1:]], os.environ | closed)


if __name__ == "__main__":
    main()
