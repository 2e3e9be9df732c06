"""What stands at the other end of the webhook, to begin from; it needs nothing but Python."""
