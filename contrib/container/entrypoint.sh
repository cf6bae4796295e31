#!/bin/sh
# Entry point of a container that runs one Buildbot master, whose directory is a volume of its own:
#
#   docker run --hostname build1 --volume build1:/srv/bb --env BASEDIR=/srv/bb \
#       --restart unless-stopped IMAGE
#
# (Not "on-failure": Buildbot 4.3.0 exits with 0 even when it cannot start.)
#
# The image has buildbot, mastersctl and flock (of util-linux). It is for a master that is
# alone as for those of a cluster, started at once or one by one. To upgrade Buildbot, stop all of them
# first: while another one is alive, the database stays as it is.
#
# A container that was killed may come back at once, under another name. The volume must be one that
# a single host mounts, or on which a lock of flock holds between hosts. Masters of a cluster do not
# exchange their names: the host of one must not be called as that of another was before.
set -eu
trap 'exit 143' TERM INT # which the first process of a container else ignores

cd "${BASEDIR:-/srv/bb}"
export MASTERSCTL_BASEDIR="$PWD"
name="$(uname -n):$PWD" # as Buildbot calls the master

# Run a command, and show its warnings, which are about masters that may be alive, only if it fails.
quietly() {
    { said="$("$@" 2>&1 >&3)"; } 3>&1 || {
        code=$?
        echo "$said" >&2
        exit $code
    }
}

# Whether there is a master of that name.
exists() {
    said="$(mastersctl find --no-create "$1" 2>&1 </dev/null)" && return
    code=$?
    [ $code -eq 3 ] && return 1
    echo "$said" >&2
    exit $code
}

# One container at a time: the master inherits the lock, and holds it for as long as it runs.
exec 9>>master-lock
flock -n 9 || { echo "$0: another container runs the master in $PWD; stop it first" >&2; exit 1; }

mastersctl init >/dev/null

# Keep the name of the master, or two while it is renamed, whenever this is killed.
remember() {
    printf '%s\n' "$@" >master-name.new
    mv master-name.new master-name
}

# The last master of this directory: that of the first name, if it was not renamed, or removed, since.
touch master-name
last=
while IFS= read -r line; do
    if exists "$line"; then
        last="$line"
        break
    fi
done <master-name

# Whoever has the lock knows that it is dead, though it may have checked in a second ago: what it was
# building is ended, and built again. Under the name that the host has now it keeps its ID, its
# schedulers and its builds. If there is a master of that name, too, this one is that.
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

# Clean up after all masters, unless another may be starting, which looks dead until it has started.
seen="$(others --newer-than 10m)"
if [ -z "$seen" ]; then
    mastersctl housekeep
    # Check in, and out, so that those that start now see that this one does, too.
    mastersctl set-state "$name" active >/dev/null
    quietly mastersctl set-state "$name" inactive >/dev/null
fi

exec buildbot start --nodaemon "$PWD"
