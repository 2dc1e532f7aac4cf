"""The shop's own table."""

from __future__ import annotations

from django.db import models


class Order(models.Model):
    """One order, and the run that fulfils it."""

    quantity = models.IntegerField()
    status = models.TextField(default="placed")
    changes = models.IntegerField(default=0)
    run_id = models.UUIDField(null=True)

    class Meta:
        """The name that the steps know the table by."""

        db_table = "orders"

    def __str__(self) -> str:
        return f"order {self.pk}, {self.status}"
