#!/bin/sh
# dpkg says `remove` or `upgrade`, rpm how many versions will be left. An upgrade stops nothing: the
# old program serves until the new one is there.
set -e

case "$1" in
remove | 0) ;;
*) exit 0 ;;
esac
if [ -d /run/systemd/system ]; then
    systemctl stop fieldwise-agent.service 'fieldwise-agent-watch@*.service' \
        'fieldwise-agent-camera@*.service'
    command -v deb-systemd-helper >/dev/null || systemctl disable fieldwise-agent.service
fi
