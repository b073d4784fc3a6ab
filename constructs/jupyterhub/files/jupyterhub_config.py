"""JupyterHub on Plinth. What differs between environments is in platform.json, secrets are in the environment."""

import json
import os
import ssl
import sys
import time
import urllib.request
from pathlib import Path

from plinth_access import PlinthAuthenticator
from plinth_spawner import PlinthSpawner, profiles
from prometheus_client import start_http_server

c = get_config()  # noqa: F821

platform = json.loads(Path(os.environ["PLATFORM_FILE"]).read_text())


def discovered(url, authority, seconds=120):
    """The issuer's addresses. It may start at the same time as the hub does."""
    deadline = time.monotonic() + seconds
    context = ssl.create_default_context(cafile=authority)
    while True:
        try:
            with urllib.request.urlopen(f"{url}/.well-known/openid-configuration", timeout=10, context=context) as told:
                return json.load(told)
        except OSError as error:
            if time.monotonic() > deadline:
                raise
            print(f"{url} doesn't answer yet: {error}", file=sys.stderr)
            time.sleep(2)


# The hub and its proxy. The proxy is a workload of its own: while the hub is away, running servers stay reachable.
c.JupyterHub.db_url = os.environ["DATABASE_URL"]
c.JupyterHub.bind_url = "http://:8000"
c.JupyterHub.public_url = f"{platform['publicUrl']}/"
c.JupyterHub.hub_bind_url = f"http://:{platform['ports']['hub']}"
c.JupyterHub.hub_connect_url = platform["hubUrl"]
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = platform["proxyUrl"]
c.JupyterHub.cleanup_proxy = False
c.JupyterHub.cleanup_servers = False
# Also how soon a proxy that was replaced has its routes again.
c.JupyterHub.last_activity_interval = 30
# People are everywhere at once where they all start at nine o'clock.
c.JupyterHub.concurrent_spawn_limit = 30
c.JupyterHub.template_vars = {"announcement": ""}

# Measured at a port of its own, which only Prometheus reaches; at the hub's own it takes a token.
start_http_server(platform["ports"]["metrics"])

# Signing in
issuer = platform["issuer"]
addresses = discovered(issuer["url"], issuer["authority"])
c.JupyterHub.authenticator_class = PlinthAuthenticator
c.PlinthAuthenticator.access_seconds = platform["accessSeconds"]
c.Authenticator.auth_refresh_age = platform["accessSeconds"]
c.Authenticator.refresh_pre_spawn = True
c.Authenticator.enable_auth_state = True
c.Authenticator.manage_groups = True
c.Authenticator.auto_login = True
teams = [team["name"] for team in platform["teams"]]
c.OAuthenticator.allowed_groups = {*teams, platform["administrators"]}
c.OAuthenticator.admin_groups = {platform["administrators"]}
c.OAuthenticator.auth_state_groups_key = lambda state: set((state.get("oauth_user") or {}).get("groups") or [])
c.OAuthenticator.client_id = issuer["clientId"]
c.OAuthenticator.client_secret = os.environ["OIDC_CLIENT_SECRET"]
c.OAuthenticator.oauth_callback_url = f"{platform['publicUrl']}/hub/oauth_callback"
c.OAuthenticator.authorize_url = addresses["authorization_endpoint"]
c.OAuthenticator.token_url = addresses["token_endpoint"]
c.OAuthenticator.userdata_url = addresses["userinfo_endpoint"]
# With an offline session the hub can ask after a person overnight, while a notebook computes.
c.OAuthenticator.scope = ["openid", "profile", "email", "offline_access"]
c.OAuthenticator.username_claim = "preferred_username"
c.OAuthenticator.custom_403_message = (
    "You are signed in, but belong to no team of this platform. Ask a platform administrator to put you into one."
)
if issuer["authority"]:
    c.OAuthenticator.http_request_kwargs = {"ca_certs": issuer["authority"]}

# Servers
c.JupyterHub.spawner_class = PlinthSpawner
c.PlinthSpawner.platform = platform
c.KubeSpawner.profile_list = profiles
c.JupyterHub.allow_named_servers = platform["serversPerPerson"] > 1
c.JupyterHub.named_server_limit_per_user = platform["serversPerPerson"] - 1
c.Spawner.start_timeout = platform["startSeconds"]
# A busy machine starts Python slowly.
c.Spawner.http_timeout = 300
c.Spawner.poll_interval = 30
c.Spawner.default_url = "/lab"
# The image's own entry point starts the server.
c.KubeSpawner.cmd = None
c.KubeSpawner.image_pull_policy = "IfNotPresent"
c.KubeSpawner.image_pull_secrets = platform["pullSecrets"]
c.KubeSpawner.delete_grace_period = 5
c.KubeSpawner.component_label = platform["podLabels"]["app.kubernetes.io/component"]
c.KubeSpawner.common_labels = platform["podLabels"]
c.KubeSpawner.uid = c.KubeSpawner.gid = c.KubeSpawner.fs_gid = 1000
c.KubeSpawner.allow_privilege_escalation = False
c.KubeSpawner.container_security_context = {
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "readOnlyRootFilesystem": True,
}
c.KubeSpawner.pod_security_context = {
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
    "fsGroupChangePolicy": "OnRootMismatch",
}
c.KubeSpawner.extra_pod_config = {"enableServiceLinks": False}

# Homes: one per person and team, under a name that never changes, and kept when the person is gone.
c.KubeSpawner.storage_pvc_ensure = True
c.KubeSpawner.delete_pvc = False
c.KubeSpawner.pvc_name_template = "home-{username}"
c.KubeSpawner.storage_capacity = f"{platform['homeGiB']}Gi"
c.KubeSpawner.storage_class = platform["storageClass"]
c.KubeSpawner.storage_access_modes = ["ReadWriteOnce"]
c.KubeSpawner.storage_extra_labels = {"plinth.dev/data": "kept"}

# What nobody uses is stopped. A kernel that computes is use: the image's own extension sees to that.
c.JupyterHub.load_roles = [
    {
        "name": "idle-culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["idle-culler"],
    }
]
c.JupyterHub.services = [
    {
        "name": "idle-culler",
        "command": [
            sys.executable,
            "-m",
            "jupyterhub_idle_culler",
            f"--url=http://127.0.0.1:{platform['ports']['hub']}/hub/api",
            f"--timeout={platform['idleSeconds']}",
            f"--max-age={platform['maxAgeSeconds']}",
            "--cull-every=60",
        ],
    }
]

# Programs of the platform's own, each with a token and with rights that its role lists.
for service in platform["services"]:
    token = os.environ["SERVICE_TOKEN_" + service["name"].upper().replace("-", "_")]
    c.JupyterHub.services.append({"name": service["name"], "api_token": token})
    c.JupyterHub.load_roles.append(
        {"name": service["name"], "scopes": service["scopes"], "services": [service["name"]]}
    )
