"""Django's settings. ``SHOP_DATABASE_URL`` names the database, for Django and the mesh alike."""

from __future__ import annotations

import os
from urllib.parse import parse_qsl, urlsplit

SQUIDMESH_DATABASE_URL = os.environ["SHOP_DATABASE_URL"]

_url = urlsplit(SQUIDMESH_DATABASE_URL)
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _url.path.removeprefix("/"),
        "USER": _url.username or "",
        "PASSWORD": _url.password or "",
        "HOST": _url.hostname or dict(parse_qsl(_url.query)).get("host", ""),
        "PORT": str(_url.port or ""),
    }
}
INSTALLED_APPS = ["django_shop.orders"]
ROOT_URLCONF = "django_shop.urls"
SECRET_KEY = os.environ.get("SHOP_SECRET_KEY", "only for trying it out")
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
USE_TZ = True
