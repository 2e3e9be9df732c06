"""The REST API, version 1: the same operations as the pages, for programs."""
