#!/bin/sh
# Entry point of a container that runs one Buildbot master. The master's directory is a volume:
#
#   docker run --hostname build1 --volume build1:/srv/bb --env BASEDIR=/srv/bb \
#       --restart unless-stopped IMAGE
#
# (Not "on-failure": Buildbot 4.3.0 exits with 0 even when it cannot start.)
#
# The image needs buildbot, mastersctl and flock (from util-linux). The script works for a single master
# and for a cluster, whose masters may start at the same time. To upgrade Buildbot, stop all masters
# first: the script leaves the database as it is while another master is alive.
#
# A killed container may restart at once under another name. Only one host may mount the volume, unless
# flock works between hosts there. Never give a host the former name of another master's host.
set -eu
trap 'exit 143' TERM INT # without a trap, process 1 ignores these signals

cd "${BASEDIR:-/srv/bb}"
export MASTERSCTL_BASEDIR="$PWD"
name="$(uname -n):$PWD" # as Buildbot calls the master

# Run a command; print its warnings only if it fails. They name masters that may be alive.
quietly() {
    { said="$("$@" 2>&1 >&3)"; } 3>&1 || {
        code=$?
        echo "$said" >&2
        exit $code
    }
}

# Test whether a master of that name exists.
exists() {
    said="$(mastersctl find --no-create "$1" 2>&1 </dev/null)" && return
    code=$?
    [ $code -eq 3 ] && return 1
    echo "$said" >&2
    exit $code
}

# Run one container at a time. The master inherits the lock, and holds it while it runs.
exec 9>>master-lock
flock -n 9 || { echo "$0: another container runs the master in $PWD; stop it first" >&2; exit 1; }

mastersctl init >/dev/null

# Store the name of the master; or both names, during a renaming that may be killed.
remember() {
    printf '%s\n' "$@" >master-name.new
    mv master-name.new master-name
}

# Find the last master of this directory: the first stored name that still exists.
touch master-name
last=
while IFS= read -r line; do
    if exists "$line"; then
        last="$line"
        break
    fi
done <master-name

# The lock proves that this master is dead, even if it checked in a second ago. End its builds, so that
# they are built again. Rename it to the host's present name: it keeps its ID, schedulers and builds. If
# a master of the present name exists already, run as that one.
if [ -n "$last" ] && [ "$last" != "$name" ] && exists "$name"; then
    echo "$0: '$name' is another master than '$last', which ran here last; 'mastersctl remove" \
        "--reassign-to' gives it the builds of that" >&2
elif [ -n "$last" ]; then
    quietly mastersctl housekeep "$last" --force
    if [ "$last" != "$name" ]; then
        remember "$last" "$name"
        quietly mastersctl rename "$last" "$name" --force
    fi
fi
mastersctl find "$name" >/dev/null
remember "$name"

others() { mastersctl list --filter "name__ne=$name" -o id "$@"; }

alive="$(others --active)"
if [ -z "$alive" ]; then
    buildbot upgrade-master --quiet "$PWD"
fi

# Clean up after all masters, unless another may be starting: it looks dead until it has started.
seen="$(others --newer-than 10m)"
if [ -z "$seen" ]; then
    mastersctl housekeep
    # Check in and out, so that masters that start at the same time see this start.
    mastersctl set-state "$name" active >/dev/null
    quietly mastersctl set-state "$name" inactive >/dev/null
fi

exec buildbot start --nodaemon "$PWD"
