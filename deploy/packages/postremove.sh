#!/bin/sh
# What the device has learned is its owner's: removing leaves it, and only dpkg's `purge` deletes it.
# The user stays in any case, so that no other gets its number and with it files left elsewhere.
set -e

if [ -d /run/systemd/system ]; then
    systemctl daemon-reload || true
fi
if [ "$1" = purge ]; then
    rm -rf /var/lib/fieldwise-agent
    if command -v deb-systemd-helper >/dev/null; then
        deb-systemd-helper purge fieldwise-agent.service >/dev/null
    fi
fi
