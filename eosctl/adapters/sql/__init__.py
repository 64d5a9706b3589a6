"""Statements by name: `<noun>_<verb>.sql`. Identifiers stand in braces and are filled by psycopg.sql."""
