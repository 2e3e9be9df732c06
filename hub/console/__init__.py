"""The operators' console: pages and a REST API, HTTP in and operations out."""
