"""A team's own notebook images, as ConfigMaps of its namespace tell them."""

import html
import re

DIGEST = re.compile(r"^sha256:[0-9a-f]{64}$")
# Of a reason, in a list of profiles.
SHOWN = 300


def team_image(name, told, repositories):
    """An entry as the platform's own images have, or one with the reason why there is no image yet."""
    digest = told.get("digest") or ""
    # Only below the team's own repositories: whatever a ConfigMap says, it is no other image.
    entry = {"name": name, "title": name}
    if DIGEST.match(digest):
        entry["image"] = f"{repositories}/{name}@{digest}"
    problem = told.get("problem")
    if told.get("built") == told.get("content") and "image" in entry:
        return entry
    why = problem or "it is being built"
    # Titles go into the spawner's page as they are, and whoever writes the ConfigMap isn't who looks at it.
    shown = html.escape(why[:SHOWN])
    if "image" in entry:
        return entry | {"title": f"{name} (as before its last change: {shown})"}
    return entry | {"title": f"{name} (not there yet: {shown})", "reason": why}


async def team_images(api, team, label):
    """In the order of their names; none for a team without a registry."""
    own = team["ownImages"]
    if own is None:
        return []
    listed = await api.list_namespaced_config_map(team["namespace"], label_selector=label)
    found = {each.metadata.labels[label]: each.data or {} for each in listed.items}
    return [team_image(name, told, own["repositories"]) for name, told in sorted(found.items())]
