"""The guideline's versions over REST."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import may, project_for, role_in
from annotation.api.requests import Request
from annotation.models import Guideline, Role
from annotation.queries.guidelines import published_versions, versions
from annotation.services import guidelines


class GuidelineSerializer(serializers.ModelSerializer[Guideline]):
    """A version in Markdown; `published` is null for the draft, which only leads see."""

    by = serializers.CharField(source="created_by.username", read_only=True)

    class Meta:
        model = Guideline
        fields = ["version", "body", "summary", "published", "by"]
        read_only_fields = ["version", "published"]


class NewGuidelineSerializer(serializers.Serializer[Any]):
    """What annotators are told from now on; with `publish` false a draft of it.

    `summary` is the sentence that they read before their next text.
    """

    body = serializers.CharField(max_length=guidelines.LONGEST, trim_whitespace=False)
    summary = serializers.CharField(
        max_length=guidelines.LONGEST_SUMMARY, required=False, default="", allow_blank=True
    )
    publish = serializers.BooleanField(required=False, default=True)


class GuidelineList(generics.GenericAPIView[Guideline]):
    """The versions of a project's guideline, newest first."""

    serializer_class = GuidelineSerializer

    @extend_schema(responses=GuidelineSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug)
        lead = may(role_in(request.user, project), Role.LEAD)
        page = self.paginate_queryset(versions(project) if lead else published_versions(project))
        return self.get_paginated_response(GuidelineSerializer(page, many=True).data)

    @extend_schema(request=NewGuidelineSerializer, responses={201: GuidelineSerializer})
    def post(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        serializer = NewGuidelineSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        sent = serializer.validated_data
        publish = sent.pop("publish")
        write = guidelines.publish_guideline if publish else guidelines.save_draft
        made = write(project, request.user, **sent)
        return Response(GuidelineSerializer(made).data, status=status.HTTP_201_CREATED)


class GuidelineReading(APIView):
    """Confirms that you have read this version; `next` then goes on."""

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, slug: str, version: int) -> Response:
        project = project_for(request.user, slug)
        published = published_versions(project).select_related("project")
        guidelines.acknowledge(get_object_or_404(published, version=version), request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)
