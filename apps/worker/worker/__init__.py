"""A job worker on a PostgreSQL queue."""
