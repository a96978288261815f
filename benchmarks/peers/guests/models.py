from django.db import models


class Guest(models.Model):
    """Somebody who is invited."""

    name = models.TextField()
    email = models.TextField()
