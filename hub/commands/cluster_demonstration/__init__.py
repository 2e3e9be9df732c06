"""The cluster under load: its servers are killed one after another, and what was accepted is counted."""
