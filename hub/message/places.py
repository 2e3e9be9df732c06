"""Addresses that name several servers: `amqps://user:password@a:5671,b:5671,c:5671/axis`."""


def each_place(url: str) -> tuple[str, ...]:
    """Return *url* once for each host that it names, in their order; all else stays as it is.

    PostgreSQL's own clients read such addresses; RabbitMQ's know one host only.
    """
    scheme, mark, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    credentials, at, hosts = authority.rpartition("@")
    return tuple(f"{scheme}{mark}{credentials}{at}{host}{slash}{path}" for host in hosts.split(","))
