"""Make the tables of Squid Mesh, by the same ``migrate`` as the shop's own."""

from __future__ import annotations

from django.db import migrations

from django_shop.workflows import mesh


class Migration(migrations.Migration):
    """Upgrading the package later: another migration that does the same."""

    atomic = False  # the mesh has a connection of its own
    dependencies = [("orders", "0001_initial")]
    operations = [migrations.RunPython(lambda apps, schema: mesh.migrate(), migrations.RunPython.noop)]
