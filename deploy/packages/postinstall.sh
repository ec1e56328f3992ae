#!/bin/sh
# For both kinds: dpkg says `configure` and the version before, rpm how many versions are installed.
set -e

unit=fieldwise-agent.service
case "$1" in
configure) [ -n "$2" ] && action=restart || action=start ;;
1) action=start ;;
[0-9]*) action=restart ;;
*) exit 0 ;;
esac

getent group fieldwise >/dev/null || groupadd --system fieldwise
getent passwd fieldwise >/dev/null ||
    useradd --system --gid fieldwise --home-dir /var/lib/fieldwise-agent --no-create-home \
        --shell /usr/sbin/nologin --comment "fieldwise agent" fieldwise

if [ -d /run/systemd/system ]; then
    systemctl daemon-reload || true
fi
if command -v deb-systemd-helper >/dev/null; then
    # Debian starts what is installed; who has disabled the unit finds it disabled after an upgrade.
    if deb-systemd-helper --quiet was-enabled "$unit"; then
        deb-systemd-helper enable "$unit" >/dev/null
    else
        deb-systemd-helper update-state "$unit" >/dev/null
    fi
    if [ -d /run/systemd/system ]; then
        # A unit that does not start is seen by its state; the package is installed all the same.
        deb-systemd-invoke "$action" "$unit" || true
    fi
elif [ -d /run/systemd/system ]; then
    # Others let a preset decide, and start nothing by themselves.
    [ "$action" = restart ] || systemctl preset "$unit"
    systemctl try-restart "$unit" || true
fi
