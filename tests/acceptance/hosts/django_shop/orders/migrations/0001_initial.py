"""Make the table of orders."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """The first one."""

    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False, auto_created=True, verbose_name="ID")),
                ("quantity", models.IntegerField()),
                ("status", models.TextField(default="placed")),
                ("changes", models.IntegerField(default=0)),
                ("run_id", models.UUIDField(null=True)),
            ],
            options={"db_table": "orders"},
        ),
    ]
