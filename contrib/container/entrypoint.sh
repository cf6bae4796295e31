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
set -eu
trap 'exit 143' TERM INT # which the first process of a container else ignores

cd "${BASEDIR:-/srv/bb}"
export MASTERSCTL_BASEDIR="$PWD"
name="$(uname -n):$PWD" # as Buildbot calls the master

# One container at a time: the master inherits the lock, and holds it for as long as it runs.
exec 9>>master-name
flock -n 9 || { echo "$0: another container runs the master in $PWD; stop it first" >&2; exit 1; }

mastersctl init >/dev/null

# Keep the ID, and so the builds, when the host has another name than at the last start. That is
# refused (1) if the master was killed less than ten minutes ago, or there is one of each name; then,
# and if the old one was removed (3), this one is another master.
last="$(cat master-name)"
if [ "${last:-$name}" != "$name" ]; then
    mastersctl rename "$last" "$name" || { code=$?; [ $code -eq 1 ] || [ $code -eq 3 ] || exit $code; }
fi
mastersctl find "$name" >/dev/null
printf '%s\n' "$name" >master-name

others() { mastersctl list --filter "name__ne=$name" -o id "$@"; }

alive="$(others --active)"
if [ -z "$alive" ]; then
    buildbot upgrade-master --quiet "$PWD"
fi

# Clean up after all masters, and this one, too, unless another may be starting, which looks dead
# until it has started. The times of their last check-ins are lost.
seen="$(others --filter last_active__gt=10m)"
if [ -z "$seen" ]; then
    mastersctl expire-all --yes # this master may have checked in lately, if it was killed
    mastersctl housekeep
    # Check in, and out, so that those that start now see that this one does, too.
    mastersctl set-state "$name" active >/dev/null
    said="$(mastersctl set-state "$name" inactive 2>&1)" || { # which warns that it looks alive
        code=$?
        echo "$said" >&2
        exit $code
    }
fi

exec buildbot start --nodaemon "$PWD"
