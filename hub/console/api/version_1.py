"""Version 1 of the REST API: what it says about itself, and everything it can do."""

from typing import Final

from fastapi import APIRouter

from hub.console.access import API_PREFIX

PREFIX: Final = f"{API_PREFIX}v1"
router = APIRouter(prefix=PREFIX)
