"""The pages, a module each; `hub.console.app` puts them together."""
