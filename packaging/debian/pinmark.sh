#!/bin/sh
# pinmark on the command line. Records and keys belong to the user pinmark: root becomes it, so that
# no file of the station ever belongs to root; anybody else needs the group pinmark.
set -e
if [ -r /etc/default/pinmark ]; then
    set -a
    . /etc/default/pinmark
    set +a
fi
program=/usr/lib/pinmark/venv/bin/pinmark
if [ "$(id -u)" = 0 ] && [ -z "${PINMARK_HOME:-}" ]; then
    exec setpriv --reuid=pinmark --regid=pinmark --init-groups env HOME=/var/lib/pinmark "$program" "$@"
fi
exec "$program" "$@"
