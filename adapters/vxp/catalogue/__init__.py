"""The gateway's own copy of the catalogue of agencies: kept up to date beside the calls, served from disk."""
