"""Rounds over REST."""

from rest_framework import generics, serializers, status
from rest_framework.response import Response

from annotation.access import project_for
from annotation.api.requests import Request
from annotation.models import Role, Round
from annotation.queries import projects
from annotation.services import rounds


class RoundSerializer(serializers.ModelSerializer[Round]):
    """A round."""

    class Meta:
        model = Round
        fields = ["id", "name", "kind", "purpose", "overlap", "gold_rate", "repeat_rate", "state"]


class RoundList(generics.GenericAPIView[Round]):
    """The rounds of a project."""

    serializer_class = RoundSerializer

    def get(self, request: Request, slug: str) -> Response:
        page = self.paginate_queryset(projects.rounds(project_for(request.user, slug)))
        return self.get_paginated_response(RoundSerializer(page, many=True).data)

    def post(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        serializer = RoundSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        made = rounds.create_round(project, request.user, **serializer.validated_data)
        return Response(RoundSerializer(made).data, status=status.HTTP_201_CREATED)
