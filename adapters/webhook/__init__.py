"""Documents by HTTPS: each delivery is POSTed to the agency's endpoint, and what it sends comes by HTTP."""
