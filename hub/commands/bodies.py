"""`truc bodies`: the service of large bodies."""

from hub.commands.options import Home, SettingsFile


def bodies(home: Home = None, settings: SettingsFile = None) -> None:
    """Take in and hand out large bodies until it is told to stop (SIGTERM, SIGINT).

    It needs a hub's settings with `bodies_store`. Several may run side by side. Its address is logged.

    \b
    Example:
      truc bodies --settings /etc/truc/hub.toml
    """
    from hub.bootstrap_bodies import run_bodies
    from hub.commands.place import load_hub_settings
    from hub.commands.serving import run_until_stopped

    run_until_stopped(run_bodies, load_hub_settings(home, settings))
