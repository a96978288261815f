from circles.models import Organisation
from django.contrib.auth.mixins import LoginRequiredMixin
from django.urls import path
from django.views.generic import ListView


class Circles(LoginRequiredMixin, ListView):
    paginate_by = 50
    template_name = "circles.html"

    def get_queryset(self):
        reached = [grant.municipality_id for grant in self.request.user.grant_set.all()]
        return Organisation.objects.filter(municipalities__in=reached).prefetch_related("municipalities")

    def get_context_data(self, **values):
        return super().get_context_data(kinds=Organisation.Kind.choices, **values)


urlpatterns = [path("circles", Circles.as_view())]
