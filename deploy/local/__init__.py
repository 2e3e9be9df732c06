"""A private RabbitMQ node and PostgreSQL cluster for one checkout; nothing else of the machine is touched."""

from deploy.local.address import StackAddress, StackError
from deploy.local.stack import LocalStack, StackStatus

__all__ = ["LocalStack", "StackAddress", "StackError", "StackStatus"]
