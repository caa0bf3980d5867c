#!/bin/sh
# Runs a command with the workspace sourced.
set -e
. /opt/cape/bin/activate
. /ws/install/setup.sh
exec "$@"
