"""Checks evidence of the axis without the axis: no database, no broker, no network, nothing of the hub.

    python -m hub.evidence evidence.zip --anchors anchors.pem

It stands alone so that whoever receives evidence can read what judges it. `chain` defines how the audit log
is chained, and the hub's own `truc audit verify` uses that definition.
"""
