"""A server whose kernel computes is in use, even when the kernel prints nothing for hours.

Jupyter counts what a kernel says; the hub stops servers by that. This extension counts what kernels do.
"""

from datetime import datetime, timezone

from tornado.ioloop import PeriodicCallback

SECONDS = 30


def busy(kernels):
    """Whether a kernel runs code just now."""
    return any(getattr(kernels.get_kernel(each), "execution_state", "") == "busy" for each in kernels.list_kernel_ids())


def _load_jupyter_server_extension(server):
    settings = server.web_app.settings

    def note():
        if busy(settings["kernel_manager"]):
            settings["last_activity_times"]["plinth_activity"] = datetime.now(timezone.utc)

    periodic = PeriodicCallback(note, SECONDS * 1000)
    periodic.start()
    server.log.info("Busy kernels count as activity, asked for every %s s", SECONDS)


def _jupyter_server_extension_points():
    return [{"module": "plinth_activity"}]
