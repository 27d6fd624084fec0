"""Cases, votes and decisions over REST."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import generics, serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import authorise, may, object_for, project_for
from annotation.api.errors import Conflict
from annotation.api.requests import Request
from annotation.api.values import SpansField
from annotation.models import MetaLabel, Project, Role, User
from annotation.queries.values import label_names, named_value
from qc.models import Case, Decision, GuidelineProposal, Outcome, Vote
from qc.queries import cases
from qc.services import cases as case_services
from qc.services import proposals, votes


class OpenCasesSerializer(serializers.Serializer[Any]):
    """The items to open cases on."""

    items = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), allow_empty=False
    )
    source = serializers.ChoiceField(Case.Source.choices, default=Case.Source.MANUAL)  # type: ignore[assignment]
    quorum = serializers.IntegerField(min_value=1, max_value=case_services.MOST_QUORUM, default=1)


class CaseItemSerializer(serializers.Serializer[Any]):
    """The text of a case."""

    id = serializers.IntegerField()
    external_id = serializers.CharField(allow_null=True)
    text = serializers.CharField()
    meta = serializers.JSONField()


class CaseAnswerSerializer(serializers.Serializer[Any]):
    """What an annotator said. The name is there for leads, once the case is decided."""

    label = serializers.CharField(allow_null=True)  # type: ignore[assignment]
    labels = serializers.ListField(child=serializers.CharField(), allow_null=True)
    spans = SpansField(allow_null=True)
    comment = serializers.CharField()
    annotator = serializers.CharField(allow_null=True)


class SettledSerializer(serializers.Serializer[Any]):
    """What a vote or a decision says: of `label`, `labels` and `spans`, the one of the project's task."""

    outcome = serializers.CharField()
    label = serializers.SerializerMethodField()  # type: ignore[assignment]
    labels = serializers.SerializerMethodField()
    spans = serializers.SerializerMethodField()
    acceptable = serializers.SerializerMethodField()
    meta_label = serializers.CharField()
    clause = serializers.CharField()
    rationale = serializers.CharField()
    created = serializers.DateTimeField()

    def _value(self, settled: Vote | Decision) -> dict[str, Any]:
        return named_value(settled, self.context["names"])

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_label(self, settled: Vote | Decision) -> str | None:
        label: str | None = self._value(settled)["label"]
        return label

    @extend_schema_field(serializers.ListField(child=serializers.CharField(), allow_null=True))
    def get_labels(self, settled: Vote | Decision) -> Any:
        return self._value(settled)["labels"]

    @extend_schema_field(SpansField(allow_null=True))
    def get_spans(self, settled: Vote | Decision) -> Any:
        return self._value(settled)["spans"] if settled.spans is not None else None

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_acceptable(self, settled: Vote | Decision) -> list[str]:
        return [self.context["names"][pk] for pk in settled.acceptable]


class CaseVoteSerializer(SettledSerializer):
    """One vote."""

    username = serializers.CharField(source="user.username")


class CaseDecisionSerializer(SettledSerializer):
    """How a case ended."""

    decided_by = serializers.CharField(source="decided_by.username")
    by_votes = serializers.BooleanField()
    guideline_version = serializers.IntegerField(source="guideline.version", default=None, allow_null=True)


class ProposalSerializer(serializers.Serializer[Any]):
    """A change of the guideline that came out of a case."""

    id = serializers.IntegerField()
    username = serializers.CharField(source="user.username")
    clause = serializers.CharField()
    text = serializers.CharField()
    state = serializers.CharField()
    guideline_version = serializers.IntegerField(source="guideline.version", default=None, allow_null=True)


class EventSerializer(serializers.Serializer[Any]):
    """Something that happened to a case."""

    at = serializers.DateTimeField()
    what = serializers.CharField()
    why = serializers.CharField(default="")


class CaseSerializer(serializers.Serializer[Any]):
    """A case as you may see it; `votes` is null until you have voted or it is decided."""

    id = serializers.IntegerField(source="case.id")
    item_id = serializers.IntegerField(source="case.item_id")
    item = CaseItemSerializer(source="case.item")
    source = serializers.CharField(source="case.source")  # type: ignore[assignment]
    note = serializers.CharField(source="case.note")
    quorum = serializers.IntegerField(source="case.quorum")
    state = serializers.CharField(source="case.state")
    created = serializers.DateTimeField(source="case.created")
    answers = CaseAnswerSerializer(many=True)
    votes_cast = serializers.IntegerField()
    votes = CaseVoteSerializer(many=True, allow_null=True)
    decision = CaseDecisionSerializer(allow_null=True)
    proposals = ProposalSerializer(many=True)
    history = EventSerializer(many=True)


class OpenedSerializer(serializers.Serializer[Any]):
    """The cases that were opened; items that had an open case are only counted."""

    opened = serializers.IntegerField()
    skipped = serializers.IntegerField()
    results = CaseSerializer(many=True)


class EndingSerializer(serializers.Serializer[Any]):
    """What votes and decisions have in common."""

    label = serializers.CharField(required=False, allow_null=True, max_length=100)  # type: ignore[assignment]
    labels = serializers.ListField(
        child=serializers.CharField(max_length=100), required=False, allow_null=True
    )
    spans = SpansField(required=False, allow_null=True)
    acceptable = serializers.ListField(child=serializers.CharField(max_length=100), required=False)
    meta_label = serializers.ChoiceField(MetaLabel.choices, required=False, allow_blank=True, allow_null=True)
    clause = serializers.CharField(required=False, allow_blank=True, max_length=200)
    rationale = serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=10_000)
    proposal = serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=5_000)


class VoteRequestSerializer(EndingSerializer):
    """A vote: the right `label` (`labels`, `spans`), `{"exclude": true, "meta_label": …}` or `{"hard": true}`; or
    `outcome` by name."""

    outcome = serializers.ChoiceField(Outcome.choices, required=False)
    exclude = serializers.BooleanField(required=False)
    hard = serializers.BooleanField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        named = [name for name in ("exclude", "hard") if attrs.get(name)]
        if attrs.get("label") or attrs.get("labels") is not None or attrs.get("spans") is not None:
            named.insert(0, "label")
        outcomes = {*named, *([attrs["outcome"]] if attrs.get("outcome") else [])}
        if len(outcomes) != 1:
            raise serializers.ValidationError("Vote for exactly one of label, exclude and hard.")
        return _content(attrs, outcomes.pop())


class DecisionRequestSerializer(EndingSerializer):
    """A decision."""

    outcome = serializers.ChoiceField(Outcome.choices)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return _content(attrs, attrs["outcome"])


class ReopenRequestSerializer(serializers.Serializer[Any]):
    """Why a case is opened again."""

    because = serializers.CharField(max_length=10_000)


def _content(attrs: dict[str, Any], outcome: str) -> dict[str, Any]:
    words = {name: attrs.get(name) or "" for name in ("meta_label", "clause", "rationale", "proposal")}
    return {
        "outcome": outcome,
        "label": attrs.get("label") or None,
        "labels": attrs.get("labels"),
        "spans": attrs.get("spans"),
        "acceptable": attrs.get("acceptable") or [],
        **words,
    }


def _shown(found: list[Case], project: Project, user: User) -> Any:
    """These cases as the user may see them. Only leads see annotators' names, once a case is decided."""
    names = label_names(project)
    is_lead = may(authorise(user, project, Role.ADJUDICATOR), Role.LEAD)
    views = cases.view_cases(found, user, names, is_lead=is_lead)
    return CaseSerializer(views, many=True, context={"names": names}).data


class CaseList(generics.GenericAPIView[Case]):
    """The cases of a project, newest first; opening new ones."""

    serializer_class = CaseSerializer

    @extend_schema(
        parameters=[
            OpenApiParameter("state", OpenApiTypes.STR, enum=Case.State.values),
            OpenApiParameter("source", OpenApiTypes.STR, enum=Case.Source.values),
        ],
        responses=CaseSerializer(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.ADJUDICATOR)
        asked = {name: request.query_params.get(name, "") for name in ("state", "source")}
        for name, known in (("state", Case.State.values), ("source", Case.Source.values)):
            if asked[name] and asked[name] not in known:
                raise serializers.ValidationError({name: f"One of {', '.join(known)}."})
        page = self.paginate_queryset(cases.cases(project, asked["state"], asked["source"])) or []
        return self.get_paginated_response(_shown(list(page), project, _person(request)))

    @extend_schema(request=OpenCasesSerializer, responses={201: OpenedSerializer})
    def post(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.ADJUDICATOR)
        serializer = OpenCasesSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        sent = serializer.validated_data
        opened = case_services.open_cases(
            project, _person(request), sent["items"], sent["source"], sent["quorum"]
        )
        found = {case.pk: case for case in cases.cases(project).filter(pk__in=[case.pk for case in opened])}
        shown = _shown([found[case.pk] for case in opened], project, _person(request))
        body = {
            "opened": len(opened),
            "skipped": len(set(sent["items"])) - len(opened),
            "results": shown,
        }
        return Response(body, status=status.HTTP_201_CREATED)


def _person(request: Request) -> User:
    assert isinstance(request.user, User)  # access.py has let nobody else in
    return request.user


def _case(request: Request, case_id: int) -> Case:
    return object_for(request.user, Case.objects.all(), case_id, Role.ADJUDICATOR)


def _answer(request: Request, case: Case, code: int = status.HTTP_200_OK) -> Response:
    found = cases.cases(case.project).get(pk=case.pk)
    return Response(_shown([found], case.project, _person(request))[0], status=code)


class CaseDetail(APIView):
    """One case."""

    @extend_schema(responses=CaseSerializer)
    def get(self, request: Request, case_id: int) -> Response:
        return _answer(request, _case(request, case_id))


class VoteList(APIView):
    """Voting on a case, once. The vote that fills the quorum decides the case, if more than half agree."""

    @extend_schema(request=VoteRequestSerializer, responses={201: CaseSerializer})
    def post(self, request: Request, case_id: int) -> Response:
        case = _case(request, case_id)
        serializer = VoteRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            votes.cast_vote(case, _person(request), **serializer.validated_data)
        except case_services.CaseConflict as crossed:
            raise Conflict(str(crossed)) from crossed
        return _answer(request, case, status.HTTP_201_CREATED)


class DecisionDetail(APIView):
    """Deciding a case. A decision equal to the one that votes made confirms it; any other on a decided case is 409."""

    @extend_schema(request=DecisionRequestSerializer, responses={201: CaseSerializer})
    def post(self, request: Request, case_id: int) -> Response:
        case = _case(request, case_id)
        serializer = DecisionRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            votes.decide_case(case, _person(request), **serializer.validated_data)
        except case_services.CaseConflict as crossed:
            raise Conflict(str(crossed)) from crossed
        return _answer(request, case, status.HTTP_201_CREATED)


class StandAsideDetail(APIView):
    """Seeing who answered the text of an open case, and in return not voting on it. For leads."""

    @extend_schema(request=None, responses={201: CaseSerializer})
    def post(self, request: Request, case_id: int) -> Response:
        case = object_for(request.user, Case.objects.all(), case_id, Role.LEAD)
        try:
            votes.stand_aside(case, _person(request))
        except case_services.CaseConflict as crossed:
            raise Conflict(str(crossed)) from crossed
        return _answer(request, case, status.HTTP_201_CREATED)


class ReopenDetail(APIView):
    """Taking a decision back. What was voted and decided stays in the history; the panel votes anew."""

    @extend_schema(request=ReopenRequestSerializer, responses={201: CaseSerializer})
    def post(self, request: Request, case_id: int) -> Response:
        case = _case(request, case_id)
        serializer = ReopenRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            case_services.reopen_case(case, _person(request), serializer.validated_data["because"])
        except case_services.CaseConflict as crossed:
            raise Conflict(str(crossed)) from crossed
        return _answer(request, case, status.HTTP_201_CREATED)


class ProposalRequestSerializer(serializers.Serializer[Any]):
    """Whether a proposed change goes into the draft of the guideline."""

    keep = serializers.BooleanField()


class ProposalDetail(APIView):
    """Taking a proposed change into the guideline's draft, or leaving it out."""

    @extend_schema(request=ProposalRequestSerializer, responses=CaseSerializer)
    def post(self, request: Request, proposal_id: int) -> Response:
        found = object_for(
            request.user, GuidelineProposal.objects.all(), proposal_id, Role.LEAD, "case.project"
        )
        serializer = ProposalRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        kept = serializer.validated_data["keep"]
        service = proposals.keep_proposal if kept else proposals.leave_out_proposal
        service(found, _person(request))
        return _answer(request, found.case)
