import uuid

from django.conf import settings
from django.db import models


class Municipality(models.Model):
    ags = models.CharField(primary_key=True, max_length=8)
    name = models.TextField()


class Grant(models.Model):
    """Somebody coordinates a municipality."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    municipality = models.ForeignKey(Municipality, models.CASCADE)


class Organisation(models.Model):
    class Kind(models.TextChoices):
        HELPER_CIRCLE = "helper_circle", "Helferkreis"
        MUNICIPALITY = "municipality", "Kommune"
        DISTRICT_OFFICE = "district_office", "Landratsamt"
        STATE_AUTHORITY = "state_authority", "Landesbehörde"
        FEDERAL_AUTHORITY = "federal_authority", "Bundesbehörde"
        INDEPENDENT_PROVIDER = "independent_provider", "Freier Träger"
        WELFARE_ASSOCIATION = "welfare_association", "Kirchlicher Wohlfahrtsverband"
        PARISH = "parish", "Kirchengemeinde"
        CARE_ASSOCIATION = "care_association", "Betreuungsverband"
        ACCOMMODATION = "accommodation", "Unterkunft"
        OTHER = "other", "Sonstige"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.TextField()
    kind = models.TextField(choices=Kind)
    municipalities = models.ManyToManyField(Municipality)

    class Meta:
        ordering = ("name", "id")
        indexes = (models.Index(fields=("name", "id")),)
