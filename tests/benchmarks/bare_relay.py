"""The yardstick: a bare relay in aio-pika, which takes from one queue, publishes to another and acknowledges.

    BENCH_AMQP_URL=… python -m tests.benchmarks.bare_relay FROM TO COUNT

Written as a competent engineer writes it: uvloop, prefetch 200, persistent publishes that run side by side,
each confirmed before its delivery is acknowledged. Its address holds a password and so is no argument, which
every user of the machine could read. It says `ready`, waits for a line, relays COUNT messages,
and prints what it took as one JSON object.
"""

import asyncio
import json
import os
import sys
import time

import aio_pika
import uvloop
from aio_pika.abc import AbstractIncomingMessage

PREFETCH = 200


async def relay(url: str, source: str, target: str, count: int) -> dict[str, float]:
    """Relay *count* messages and tell when the work began and when the last confirm came."""
    confirmed_at: list[float] = []
    done = asyncio.Event()
    connection = await aio_pika.connect(url)
    async with connection:
        consuming = await connection.channel()
        publishing = await connection.channel(publisher_confirms=True, on_return_raises=True)
        await consuming.set_qos(prefetch_count=PREFETCH)
        queue = await consuming.get_queue(source)
        exchange = publishing.default_exchange

        async def take(message: AbstractIncomingMessage) -> None:
            copy = aio_pika.Message(
                message.body,
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                message_id=message.message_id,
                correlation_id=message.correlation_id,
            )
            await exchange.publish(copy, routing_key=target)
            await message.ack()
            confirmed_at.append(time.time())
            if len(confirmed_at) == count:
                done.set()

        await asyncio.to_thread(_wait_for_the_word)
        used, begun_at = time.process_time(), time.time()
        await queue.consume(take)
        await done.wait()
        used = time.process_time() - used
    return {"first": begun_at, "last": confirmed_at[-1], "relayed": count, "cpu_seconds": used}


def _wait_for_the_word() -> None:
    _tell("ready")
    sys.stdin.readline()


def main() -> None:
    """Relay as the command line says."""
    source, target, count = sys.argv[1:]
    url = os.environ["BENCH_AMQP_URL"]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        _tell(json.dumps(runner.run(relay(url, source, target, int(count)))))


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
