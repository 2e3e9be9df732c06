"""RabbitMQ: what exists on it, how it is kept so, and the two ends of every queue."""
