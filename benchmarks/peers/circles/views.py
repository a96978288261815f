from django.conf import settings
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.paginator import Paginator
from django.urls import path
from django.views.generic import ListView

from circles.models import Organisation


class Uncounted(Paginator):
    """For a list of which it is known how long it is."""

    count = settings.COUNT_GIVEN


class Circles(LoginRequiredMixin, ListView):
    paginate_by = 50
    paginator_class = Paginator if settings.COUNT_GIVEN is None else Uncounted
    template_name = "circles.html"

    def get_queryset(self):
        reached = [grant.municipality_id for grant in self.request.user.grant_set.all()]
        return Organisation.objects.filter(municipalities__in=reached).prefetch_related("municipalities")

    def get_context_data(self, **values):
        return super().get_context_data(kinds=Organisation.Kind.choices, **values)


urlpatterns = [path("circles", Circles.as_view())]
