"""Orders: the shop's one Django application."""
