#!/bin/sh
# The agent's commands on the installed service. Root becomes the service's user: what a command
# writes into the state folder while no daemon runs must be the daemon's to write later.
set -eu

: "${FIELDWISE_AGENT_CONFIG=/etc/fieldwise/agent.toml}"
export FIELDWISE_AGENT_CONFIG
if [ "$(id -u)" = 0 ]; then
    exec setpriv --reuid=fieldwise --regid=fieldwise --init-groups --inh-caps=-all --no-new-privs \
        /usr/lib/fieldwise-agent/bin/fieldwise-agent "$@"
fi
exec /usr/lib/fieldwise-agent/bin/fieldwise-agent "$@"
