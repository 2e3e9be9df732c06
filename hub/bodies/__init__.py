"""The service of large bodies: HTTP in, the cloakroom out."""
