"""A RabbitMQ cluster of three and a replicated PostgreSQL as processes of one machine: to try and to test."""

from deploy.cluster.stack import ClusterStack, ClusterStatus

__all__ = ["ClusterStack", "ClusterStatus"]
