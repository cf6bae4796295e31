"""See, repair and script the masters of a Buildbot cluster, in the database that they share."""

__version__ = "1.0.0"
