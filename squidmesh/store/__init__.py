"""Postgres: the only home of SQLAlchemy and psycopg."""
