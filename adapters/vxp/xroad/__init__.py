"""The face that the vendors' software knows: parameters in headers, signed with a shared secret."""
