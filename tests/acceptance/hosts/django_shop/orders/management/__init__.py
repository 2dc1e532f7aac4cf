"""What ``manage.py`` knows beside Django's own commands."""
