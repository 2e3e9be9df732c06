"""The line of intake: what a submitted message passes before it is accepted or refused."""
