"""A shop on Django: orders and their runs are written by one transaction."""
