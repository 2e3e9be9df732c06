"""The machine's shape, without its name: a figure without it says nothing."""

import os
import platform
from pathlib import Path

import aio_pika
import psutil

from tests.benchmarks.place import Place


async def shape(place: Place) -> dict[str, str | int | float]:
    """Return what the figures depend on."""
    async with place.database() as connection:
        postgres = await connection.fetchval("show server_version")
    connection = await aio_pika.connect(place.admin_url)
    async with connection:
        transport = connection.transport
        properties = transport.connection.server_properties if transport is not None else {}
    return {
        "cores": psutil.cpu_count() or 0,
        "processor": _processor(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "rabbitmq": str(properties.get("version", "?")),
        "postgresql": str(postgres),
        "load_average": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text("utf-8", "replace").splitlines() if cpuinfo.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()
