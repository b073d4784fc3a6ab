"""Why a server didn't start, in a sentence for the person who asked for it.

Kubernetes tells it in three places: the answer to what the hub asked for, the pod's events, and the state of its
container. Nothing here talks to Kubernetes.
"""

import json
import re

ROOM = {
    "limits.memory": "memory",
    "requests.memory": "memory",
    "requests.cpu": "CPU",
    "limits.cpu": "CPU",
    "requests.storage": "volumes",
    "pods": "pods",
    "persistentvolumeclaims": "volumes",
}


def _message(body):
    try:
        return json.loads(body)["message"]
    except (TypeError, ValueError, KeyError):
        return str(body or "")


def _plain(amount):
    """Bytes as people say them; other amounts as they are."""
    if not amount.isdigit() or int(amount) < 2**20:
        return amount
    return f"{int(amount) / 2**30:g}Gi"


def _amounts(text):
    pairs = (pair.split("=", 1) for pair in text.split(",") if "=" in pair)
    return {what: _plain(amount) for what, amount in pairs}


def refused(status, body, team):
    """What Kubernetes' refusal to make the pod or its volume means."""
    message = _message(body)
    quota = re.search(r"exceeded quota: \S+, requested: (\S+), used: (\S+), limited: (\S+)", message)
    if quota:
        requested, used, limited = (_amounts(part.rstrip(".")) for part in quota.groups())
        parts = [
            f"{amount} of {ROOM.get(what, what)}, and {used.get(what, '?')} of {limited.get(what, '?')} is in use"
            for what, amount in sorted(requested.items())
        ]
        return (
            f"Quota: {team} has no room for this server. It asks for {'; '.join(parts)}. "
            "Stop another server, choose a smaller size, or ask a platform administrator for a larger quota."
        )
    limit = re.search(r"maximum (\S+) usage per (\S+) is (\S+?),", message)
    if limit:
        return f"Size: a {limit.group(2).lower()} of {team} may use at most {limit.group(3)} of {limit.group(1)}; choose a smaller size."
    if "violates PodSecurity" in message:
        return f"Security: the namespace of {team} refuses this server: {message}"
    return f"Kubernetes: it refused the server ({status}): {message}"


def _image(container_state, image):
    waiting = (container_state or {}).get("waiting") or {}
    reason = waiting.get("reason", "")
    if reason in ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ErrImageInspect"):
        detail = waiting.get("message") or reason
        return f"Image: {image} can't be fetched: {detail}. Choose another image, or tell a platform administrator."
    if reason in ("CreateContainerConfigError", "CreateContainerError", "RunContainerError"):
        return f"Settings: the server's container can't be made: {waiting.get('message') or reason}."
    return None


def _ended(container_state):
    ended = (container_state or {}).get("terminated")
    if not ended:
        return None
    if ended.get("reason") == "OOMKilled":
        return "Memory: the server used more than its size allows while it started; choose a larger size."
    detail = f" ({ended['message'].strip()[-300:]})" if ended.get("message") else ""
    return f"Start: the server ended with exit code {ended.get('exitCode')} before it answered{detail}."


VOLUME = re.compile(r"persistentvolumeclaim|PersistentVolumeClaim|volume|Multi-Attach", re.IGNORECASE)


def _event(event):
    reason, message = event.get("reason") or "", event.get("message") or ""
    if reason in ("FailedMount", "FailedAttachVolume", "FailedMapVolume", "FailedBinding", "ProvisioningFailed"):
        return f"Volume: a volume of the server can't be used: {message}"
    if reason == "FailedScheduling":
        if VOLUME.search(message):
            return f"Volume: no machine can use the server's volumes: {message}"
        return f"No machine: none has room for a server of this size: {message}"
    return None


def _container(pod):
    statuses = ((pod or {}).get("status") or {}).get("containerStatuses") or []
    return next((each.get("state") for each in statuses if each.get("name") == "notebook"), None)


def found(pod, events, image):
    """The reason that shows by now, or None: the newest event counts, once the container says nothing itself."""
    state = _container(pod)
    said = _image(state, image) or _ended(state)
    if said:
        return said
    scheduled = ((pod or {}).get("spec") or {}).get("nodeName")
    for event in reversed(list(events)):
        if scheduled and event.get("reason") == "FailedScheduling":
            continue
        said = _event(event)
        if said:
            return said
    return None


def hopeless(pod, events, image):
    """A reason that waiting won't mend, or None. Rooms get free and registries recover, so most reasons aren't."""
    state = _container(pod)
    ended = _ended(state)
    if ended:
        return ended
    waiting = (state or {}).get("waiting") or {}
    if waiting.get("reason") in ("InvalidImageName", "ErrImageNeverPull"):
        return _image(state, image)
    gone = any("not found" in (event.get("message") or "") for event in events if event.get("reason") == "Failed")
    return _image(state, image) if gone else None


def late(pod, events, image, seconds):
    """What to say when the time is up."""
    reason = found(pod, events, image)
    if reason:
        return reason
    last = next((event.get("message") for event in reversed(list(events)) if event.get("message")), None)
    tail = f"; the last that Kubernetes told was: {last}" if last else ""
    return f"Time: the server wasn't ready within {seconds} seconds{tail}."
