"""Servers in the namespace of a person's team, with what the team has, and a reason when one doesn't start."""

import asyncio
import time

import plinth_reasons as reasons
from jupyterhub.spawner import SpawnException
from kubernetes_asyncio.client.rest import ApiException
from kubespawner import KubeSpawner
from plinth_access import REVOKED
from plinth_images import team_images
from traitlets import Dict


class SpawnFailed(SpawnException):
    """Its text is for the person, on pages and in the API; the word before its colon is what metrics say."""

    def __init__(self, text):
        super().__init__(text, reason=text.split(":", 1)[0].lower().replace(" ", "-"), status_code=409)
        self.jupyterhub_message = text


def _named(entries, name, what):
    """The entry that somebody chose, the first where nobody did."""
    if not name:
        return entries[0]
    for entry in entries:
        if entry["name"] == name:
            return entry
    raise SpawnFailed(f"Choice: there is no {what} '{name}' here; choose one of {', '.join(e['name'] for e in entries)}.")


def _literal(source):
    """KubeSpawner fills in braces of what it is told; what a team has is meant as it is written."""
    if isinstance(source, str):
        return source.replace("{", "{{").replace("}", "}}")
    if isinstance(source, dict):
        return {key: _literal(value) for key, value in source.items()}
    return [_literal(value) for value in source] if isinstance(source, list) else source


class PlinthSpawner(KubeSpawner):
    platform = Dict(config=True, help="What the platform says of teams, sizes, images and accelerators.")

    @property
    def team(self):
        """Name of the team in whose namespace the server is, empty before its first start."""
        return next((t["name"] for t in self.platform["teams"] if t["namespace"] == self.namespace), "")

    def teams_of_person(self):
        groups = {group.name for group in self.user.groups}
        return [team for team in self.platform["teams"] if team["name"] in groups]

    def offered(self, what, team):
        allowed = team[what]
        return [entry for entry in self.platform[what] if entry["name"] in allowed]

    async def images(self, team):
        own = await team_images(self.api, team, self.platform["imageLabel"])
        return self.offered("images", team) + own

    async def load_user_options(self):
        """Replaces KubeSpawner's own: everything is set anew, so that nothing of an earlier choice stays."""
        options = self.user_options or {}
        teams = self.teams_of_person()
        if not teams:
            raise SpawnFailed("Access: you belong to no team, and servers run in a team's namespace. Ask to be put into one.")
        team = _named(teams, options.get("profile"), "team")
        size = _named(self.offered("sizes", team), options.get("size"), "size")
        image = _named(await self.images(team), options.get("image"), "image")
        accelerator = _named(self.offered("accelerators", team), options.get("accelerator"), "accelerator")
        if "image" not in image:
            raise SpawnFailed(f"Image: {image['name']} isn't there yet: {image['reason']}. Choose another one, or wait.")
        self._limit(team)
        self.namespace = team["namespace"]
        self.dns_name = self.dns_name_template.format(namespace=self.namespace, name=self.pod_name)
        # The home is one per person and team, and this may be another team than last time.
        self._pvc_exists = False
        self.image = image["image"]
        own = [] if team["ownImages"] is None else [team["ownImages"]["pullSecret"]]
        self.image_pull_secrets = self.platform["pullSecrets"] + own
        self.cpu_guarantee = size["cpu"]
        self.cpu_limit = size.get("cpuLimit")
        self.mem_guarantee = self.mem_limit = f"{size['memoryMiB']}M"
        extra = {accelerator["resource"]: str(accelerator["count"])} if accelerator.get("resource") else {}
        self.extra_resource_limits = self.extra_resource_guarantees = extra
        self.service_account = team["serviceAccount"]
        self.automount_service_account_token = team["usesKubernetesApi"]
        self.extra_labels = _literal(team["labels"])
        self.environment = _literal(team["env"])
        self.volumes = _literal(self.platform["volumes"] + team["volumes"]) + [
            {"name": "home", "persistentVolumeClaim": {"claimName": self.pvc_name}}
        ]
        self.volume_mounts = _literal(self.platform["mounts"] + team["mounts"])

    def _limit(self, team):
        running = [s for s in self.user.spawners.values() if s is not self and s.active and s.namespace == team["namespace"]]
        if len(running) >= team["servers"]:
            raise SpawnFailed(
                f"Servers: you have {len(running)} in {team['name']}, and may have {team['servers']}; stop one of them first."
            )

    def start(self):
        self._start_future = asyncio.ensure_future(self._start_or_explain())
        return self._start_future

    async def _start_or_explain(self):
        if await self.authenticator.ask(self.user) is REVOKED:
            raise SpawnFailed("Access: you may not use the platform any more; sign in again, or ask an administrator.")
        starting = asyncio.ensure_future(self._start())
        # The hub's own limit has no words: this one is a little shorter.
        deadline = time.monotonic() + self.start_timeout - 10
        try:
            while not starting.done():
                await asyncio.wait([starting], timeout=1)
                if starting.done():
                    break
                reason = reasons.hopeless(self._pod(), self.events, self.image)
                if reason is None and time.monotonic() > deadline:
                    reason = reasons.late(self._pod(), self.events, self.image, self.start_timeout - 10)
                if reason is not None:
                    raise SpawnFailed(reason)
            return starting.result()
        except ApiException as error:
            raise SpawnFailed(reasons.refused(error.status, error.body, self.team)) from error
        finally:
            starting.cancel()

    def _pod(self):
        reflector = self.pod_reflector
        return reflector and reflector.pods.get(f"{self.namespace}/{self.pod_name}")


async def profiles(spawner):
    """One profile for each team of the person; what has a single choice isn't asked for."""
    result = []
    for team in spawner.teams_of_person():
        asked = {"size": ("sizes", "Size"), "image": ("images", "Image"), "accelerator": ("accelerators", "Accelerator")}
        options = {}
        for key, (what, title) in asked.items():
            choices = await spawner.images(team) if what == "images" else spawner.offered(what, team)
            if len(choices) > 1:
                listed = {entry["name"]: {"display_name": entry["title"]} for entry in choices}
                options[key] = {"display_name": title, "choices": listed}
        result.append({"display_name": team["name"], "slug": team["name"], "profile_options": options})
    return result
