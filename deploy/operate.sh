#!/bin/sh
# What the operator's container does. Without arguments: put the axis up on the servers that $SERVICES_FILE names, and
# let the group $HUB_GROUP read the three files that a hub process needs; everything else in the home stays root's own.
# With arguments: one operator's command.
set -eu

if [ $# -gt 0 ]; then
    exec truc "$@"
fi

truc up --services "$SERVICES_FILE"
cd "$TRUC_HOME"
chmod 0711 . keys
for file in hub.toml keys/hub.pem keys/anchors.pem; do
    chgrp "$HUB_GROUP" "$file"
    chmod 0640 "$file"
done
