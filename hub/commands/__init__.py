"""The command line's groups of commands; `hub.__main__` puts them together."""
