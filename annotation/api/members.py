"""The people of a project over REST."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import generics, serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import jobs
from annotation.access import project_for
from annotation.api.estimates import EstimateSerializer
from annotation.api.requests import Request
from annotation.models import Membership, Role
from annotation.queries import people
from annotation.queries.team import Work, work_of
from annotation.services import members


class NewMemberSerializer(serializers.ModelSerializer[Membership]):
    """Somebody who has an account becomes a member."""

    username = serializers.CharField(source="user.username")
    quota = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=0, max_value=members.MOST_QUOTA
    )

    class Meta:
        model = Membership
        fields = ["username", "role", "quota"]


class MemberSerializer(serializers.Serializer[Any]):
    """A member's role and state, and what they have done. Gold counts since the last reinstatement."""

    username = serializers.CharField(source="membership.user.username")
    role = serializers.CharField(source="membership.role")
    state = serializers.CharField(source="membership.state")
    quota = serializers.IntegerField(source="membership.quota", allow_null=True)
    paused = serializers.DateTimeField(source="membership.paused", allow_null=True)
    paused_because = serializers.CharField(source="membership.paused_because")
    answers = serializers.IntegerField()
    gold = serializers.SerializerMethodField()
    consistency = serializers.SerializerMethodField()
    median_seconds = serializers.FloatField(allow_null=True)
    last_seen = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(EstimateSerializer)
    def get_gold(self, work: Work) -> dict[str, Any]:
        return dict(work.gold.as_dict())

    @extend_schema_field(EstimateSerializer)
    def get_consistency(self, work: Work) -> dict[str, Any]:
        return dict(work.consistency.as_dict())


class MemberList(generics.GenericAPIView[Membership]):
    """The people of a project."""

    serializer_class = MemberSerializer

    @extend_schema(responses=MemberSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        page = self.paginate_queryset(people.members(project))
        return self.get_paginated_response(MemberSerializer(work_of(project, page or []), many=True).data)

    @extend_schema(request=NewMemberSerializer, responses={201: MemberSerializer})
    def post(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        serializer = NewMemberSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        sent = serializer.validated_data
        made = members.add_member(
            project, request.user, sent["user"]["username"], sent["role"], quota=sent["quota"]
        )
        return Response(MemberSerializer(work_of(project, [made])[0]).data, status=status.HTTP_201_CREATED)


class MemberChangeSerializer(serializers.Serializer[Any]):
    """What can be changed about a member.

    `reason` is shown to somebody who is paused; with `requeue` their answers are set aside and the texts are given to
    others, and `take_back` counts them again where others have not filled the text; a `quota` of null is none. The
    answer has the `job` that does it where the answers are many.
    """

    role = serializers.ChoiceField(Role.choices, required=False)
    state = serializers.ChoiceField(Membership.State.choices, required=False)
    quota = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=members.MOST_QUOTA
    )
    requeue = serializers.BooleanField(required=False)
    take_back = serializers.BooleanField(required=False)
    reason = serializers.CharField(required=False, allow_blank=True, max_length=members.LONGEST_REASON)


class ChangedMemberSerializer(MemberSerializer):
    """The member; `job` is the address of the job that takes their answers out or back, where there are many."""

    job = serializers.CharField(allow_null=True)


class MemberDetail(APIView):
    """One member."""

    @extend_schema(request=MemberChangeSerializer, responses=ChangedMemberSerializer)
    def patch(self, request: Request, slug: str, username: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        membership = get_object_or_404(
            people.members(project).select_related("project"), user__username=username
        )
        serializer = MemberChangeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        changed, job = jobs.change_member(membership, request.user, **serializer.validated_data)
        told = MemberSerializer(work_of(project, [changed])[0]).data
        return Response({**told, "job": f"/api/v1/jobs/{job.pk}/" if job else None})
