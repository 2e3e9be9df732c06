"""`truc console`: the operators' pages."""

from hub.commands.options import Home, SettingsFile


def console(home: Home = None, settings: SettingsFile = None) -> None:
    """Serve the operators' console until it is told to stop (SIGTERM, SIGINT).

    It needs operators' settings; `truc accounts add` makes the first account. Its address is logged.

    \b
    Example:
      truc console --settings /etc/truc/operator.toml
    """
    from hub.bootstrap_console import run_console
    from hub.commands.place import load_settings
    from hub.commands.serving import run_until_stopped

    run_until_stopped(run_console, load_settings(home, settings))
