"""Every socket and file of the hub, behind the protocols of `hub.ports`."""
