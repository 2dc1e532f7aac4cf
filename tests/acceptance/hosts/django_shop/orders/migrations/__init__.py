"""The migrations of the shop's own table."""
