"""How this station is set up: one file, each key documented and checked, the environment above it.

In: the file that ``PINMARK_CONFIG`` names, else ``/etc/pinmark/pinmark.toml``, else
``pinmark.toml`` in the user's own configuration folder; then the environment. Out: `Settings`.
Everything in pinmark that can be configured is read through `settings`.
"""

from station_api.configuration.load import CONFIG_VARIABLE, read_here, settings
from station_api.configuration.model import Settings

__all__ = ["CONFIG_VARIABLE", "Settings", "read_here", "settings"]
