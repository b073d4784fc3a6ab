"""What `jupyterhub upgrade-db` must know."""

import os

c = get_config()  # noqa: F821
c.JupyterHub.db_url = os.environ["DATABASE_URL"]
