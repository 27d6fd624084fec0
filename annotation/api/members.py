"""The people of a project over REST."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import project_for
from annotation.api.requests import Request
from annotation.models import Membership, Role
from annotation.queries import people
from annotation.services import members


class MemberSerializer(serializers.ModelSerializer[Membership]):
    """A member's role and state."""

    username = serializers.CharField(source="user.username")

    class Meta:
        model = Membership
        fields = ["username", "role", "state"]
        extra_kwargs = {"state": {"required": False}}


class MemberList(generics.GenericAPIView[Membership]):
    """The people of a project."""

    serializer_class = MemberSerializer

    def get(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        page = self.paginate_queryset(people.members(project))
        return self.get_paginated_response(MemberSerializer(page, many=True).data)

    def post(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        serializer = MemberSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        sent = serializer.validated_data
        made = members.add_member(project, request.user, sent["user"]["username"], sent["role"])
        return Response(MemberSerializer(made).data, status=status.HTTP_201_CREATED)


class MemberChangeSerializer(serializers.Serializer[Any]):
    """What can be changed about a member."""

    role = serializers.ChoiceField(Role.choices, required=False)
    state = serializers.ChoiceField(Membership.State.choices, required=False)


class MemberDetail(APIView):
    """One member."""

    @extend_schema(request=MemberChangeSerializer, responses=MemberSerializer)
    def patch(self, request: Request, slug: str, username: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        membership = get_object_or_404(people.members(project), user__username=username)
        serializer = MemberChangeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        changed = members.change_member(membership, request.user, **serializer.validated_data)
        return Response(MemberSerializer(changed).data)
