"""What systems apply for: agencies to be entered in the registry, or closed; its keeper decides."""
