"""The guideline's versions over REST."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import project_for
from annotation.api.requests import Request
from annotation.models import Guideline
from annotation.services import guidelines


class GuidelineReading(APIView):
    """Confirms that you have read this version; `next` then goes on."""

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, slug: str, version: int) -> Response:
        project = project_for(request.user, slug)
        published = Guideline.objects.filter(project=project, published__isnull=False)
        guidelines.acknowledge(
            get_object_or_404(published.select_related("project"), version=version), request.user
        )
        return Response(status=status.HTTP_204_NO_CONTENT)
