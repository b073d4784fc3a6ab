"""Lives through the life of a store's keys inside its image, and prints what it saw as JSON.

Runs the server and the reconciling container with the commands that their pod has, given as JSON in SERVER
and RECONCILE. Every wait polls, with a deadline.
"""

import json
import os
import sys
from collections.abc import Callable

import helpers as store
from helpers import (
    READY,
    accepts,
    answer,
    client,
    declare,
    mount,
    start,
    stop,
    user,
    wait_for_key,
    wait_until,
)

seen: dict[str, object] = {}


def what_keys_may_do() -> dict[str, str]:
    a, b = client("a", 1), client("b", 1)
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::alpha/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everybody]})
    calls: dict[str, Callable[[], object]] = {
        "a puts into its bucket": lambda: a.put_object(Bucket="alpha", Key="x", Body=b"kept"),
        "a gets from its bucket": lambda: a.get_object(Bucket="alpha", Key="x"),
        "a puts into b's bucket": lambda: a.put_object(Bucket="beta", Key="x", Body=b"no"),
        "a lists b's bucket": lambda: a.list_objects_v2(Bucket="beta"),
        "b puts into its bucket": lambda: b.put_object(Bucket="beta", Key="y", Body=b"kept too"),
        "a copies from b's bucket": lambda: a.copy_object(Bucket="alpha", Key="y", CopySource="beta/y"),
        "b reads a's bucket, as granted": lambda: b.get_object(Bucket="alpha", Key="x"),
        "b lists a's bucket, as granted": lambda: b.list_objects_v2(Bucket="alpha"),
        "b puts into a's bucket": lambda: b.put_object(Bucket="alpha", Key="z", Body=b"no"),
        "b deletes in a's bucket": lambda: b.delete_object(Bucket="alpha", Key="x"),
        "a makes a bucket": lambda: a.create_bucket(Bucket="gamma"),
        "a deletes its bucket": lambda: a.delete_bucket(Bucket="alpha"),
        "a opens its bucket to all": lambda: a.put_bucket_policy(Bucket="alpha", Policy=policy),
    }
    return {title: answer(call) for title, call in calls.items()}


def kept() -> dict[str, str]:
    s3 = client("a", 2)
    return {
        "a's new key": accepts("a", 2, "alpha"),
        "a's withdrawn key": accepts("a", 1, "alpha"),
        "b's key": accepts("b", 1, "beta"),
        "a's object": s3.get_object(Bucket="alpha", Key="x")["Body"].read().decode(),
    }


def main() -> None:
    server_command = json.loads(os.environ["SERVER"])
    reconcile_command = json.loads(os.environ["RECONCILE"])
    both = {"alpha": "read", "beta": "readWrite"}

    server = start("server", server_command)
    wait_until("the store answers", store.healthy)
    seen["anonymous on a new store"] = store.anonymous()
    seen["listening beyond loopback"] = store.listening()
    seen["gRPC without a certificate"] = store.grpc_answer()

    declare(user("a", {"alpha": "readWrite"}, [1]), user("b", both, [1]))
    reconcile = start("reconcile", reconcile_command)
    wait_until("the store is as declared", READY.exists)
    seen["waits"] = [wait_for_key("a", 1, "alpha")[0], wait_for_key("b", 1, "beta")[0]]
    seen["a wait in vain"] = wait_for_key("a", 9, "alpha", 2)
    wait_until("the store takes objects", lambda: store.takes_objects("a", 1, "alpha"))
    seen["may"] = what_keys_may_do()

    declare(user("a", {"alpha": "readWrite"}, [2, 1]), user("b", both, [1]))
    seen["wait for the next generation"] = wait_for_key("a", 2, "alpha")[0]
    seen["the last generation meanwhile"] = accepts("a", 1, "alpha")
    mount(store.WITHDRAWN, json.dumps([{"user": "a", "generation": 1}]))
    wait_until("the last generation is withdrawn", lambda: accepts("a", 1, "alpha") == "InvalidAccessKeyId")
    seen["the server ran on"] = server.poll() is None
    seen["after withdrawal"] = kept()

    stop(reconcile)
    stop(server)
    start("server", server_command)
    wait_until("the store answers again", store.healthy)
    wait_until("the store has its volumes again", lambda: store.takes_objects("a", 2, "alpha"))
    seen["after a restart without the reconciling container"] = kept()

    start("reconcile", reconcile_command)
    wait_until("the store is as declared again", READY.exists)
    mount(store.IDENTITIES, '{"users": [')
    wait_until("a malformed declaration is not ready", lambda: not READY.exists())
    seen["during a malformed declaration"] = kept()
    declare(user("a", {"alpha": "readWrite", "beta": "read"}, [2, 1]))
    wait_until("an owner without grants is removed", lambda: accepts("b", 1, "beta") == "InvalidAccessKeyId")
    wait_until("ready again", READY.exists)
    wait_until("the new grant holds", lambda: accepts("a", 2, "beta") == "ok")
    left = client("a", 2).get_object(Bucket="beta", Key="y")["Body"].read().decode()
    seen["the removed owner's object"] = left

    texts = {path.name: path.read_text(errors="replace") for path in store.LOGS.iterdir()}
    texts["command lines"] = "\n".join(store.command_lines)
    secrets = [store.secret_key("a", 1), store.secret_key("a", 2), store.secret_key("b", 1)]
    seen["secrets found in"] = sorted(
        name for name, text in texts.items() if any(each in text for each in secrets)
    )
    seen["log of reconcile"] = texts["reconcile"]


try:
    main()
    print(json.dumps(seen))
except BaseException:
    for path in sorted(store.LOGS.glob("*")):
        tail = "\n".join(path.read_text(errors="replace").splitlines()[-30:])
        print(f"--- {path.name}\n{tail}", file=sys.stderr)
    print(f"--- seen\n{json.dumps(seen, indent=1)}", file=sys.stderr)
    raise
finally:
    for process in store.running:
        process.kill()
