"""The delivery line: claim, route, deliver, record; and what comes back."""
