import os

c = get_config()  # noqa: F821

# A kernel that nobody used for this long gives its memory back; one that computes never does.
c.MappingKernelManager.cull_idle_timeout = int(os.environ.get("PLINTH_KERNEL_IDLE_SECONDS", "0"))
c.MappingKernelManager.cull_interval = 60
c.MappingKernelManager.cull_busy = False
c.MappingKernelManager.cull_connected = True
c.TerminalManager.cull_inactive_timeout = c.MappingKernelManager.cull_idle_timeout
c.FileContentsManager.delete_to_trash = False
