"""The REST dialect of a provincial axis, over the same gateway: log in, then JSON and one multipart call."""
