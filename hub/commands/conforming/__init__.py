"""What `truc conformance` plays: a simulated axis, the scenarios, and a signed report of what was found."""
