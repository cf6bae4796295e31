"""Peewee models of the tables that are used, as Buildbot defines them.

They are not bound to a database: each query is given the one that it runs on. References are plain
integers, because links are deleted by ID and never followed.

The table of masters is a module of its own, because most commands need no other table.
"""
