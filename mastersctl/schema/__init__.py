"""Peewee models of the tables that are touched, as Buildbot defines them.

They are bound to no database: a query is given the one that it runs on. References are plain
integers, because links are deleted by ID and never followed.

They are two modules, because most commands need the table of masters alone.
"""
