"""The REST API, version 1: the same operations as the pages, for programs."""

from hub.console.api.version_1 import router

__all__ = ["router"]
