"""The states of a master: derived from its row and the time, never stored.

======== ==========================================================================================
active   ``active=1``, and it checked in within the last ten minutes
stale    ``active=1``, but its last check-in is older than that
expired  ``active=1`` and ``last_active=0``: housekeeping is due at the next start of a master
inactive ``active=0``
======== ==========================================================================================
"""

ACTIVE, STALE, EXPIRED, INACTIVE = STATES = ("active", "stale", "expired", "inactive")

EXPIRE_SECONDS = 10 * 60  # Buildbot's EXPIRE_MINUTES: a master is stale without a newer check-in
LATE_SECONDS = 2 * 60
"""A master checks in once a minute; an active master without a check-in for longer is late."""
