"""A project's archive over REST: made by a job, fetched, and restored elsewhere."""

from uuid import UUID

from django.core.files.storage import default_storage
from django.db import transaction
from django.http import FileResponse, Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import object_for, project_for
from annotation.api.errors import TooLargeFile
from annotation.api.jobs import JobSerializer, accepted
from annotation.api.negotiation import AsAddressed, files
from annotation.api.requests import Request
from annotation.api.values import FreeField
from annotation.models import Job, Role, User
from annotation.services.uploads import TooLarge
from evaluation.jobs import start_archive, start_restoration
from evaluation.services import archives


class ArchiveStart(APIView):
    """Starts to write everything of a project into one file. Needs the role lead."""

    @extend_schema(request=None, responses={202: JobSerializer})
    def post(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        assert isinstance(request.user, User)
        return accepted(start_archive(project, request.user))


class ArchiveFile(APIView):
    """The archive that a job wrote."""

    content_negotiation_class = AsAddressed

    @extend_schema(responses=files(["application/zip"]))
    def get(self, request: Request, slug: str, job_id: UUID) -> FileResponse:
        made = object_for(request.user, Job.objects.filter(project__slug=slug), job_id, Role.LEAD)
        name = archives.file_of(made)
        if made.kind != "make_archive" or not made.finished_well or not default_storage.exists(name):
            raise Http404("There is no archive here: its job is not done, or it was another's.")
        file = default_storage.open(name, "rb")
        return FileResponse(file, as_attachment=True, filename=f"{slug}.zip", content_type="application/zip")


class RestorationSerializer(serializers.Serializer[object]):
    """An archive, and what the project is to be called here."""

    file = serializers.FileField()
    slug = serializers.SlugField(required=False, max_length=60, default="")
    name = serializers.CharField(required=False, max_length=120, default="")
    people = FreeField(
        required=False,
        default=dict,
        help_text='who is who: {"user name in the archive": "user name here, or nothing for nobody"}',
    )

    def validate_people(self, sent: object) -> dict[str, str]:
        if not isinstance(sent, dict) or not all(isinstance(name, str) for name in sent.values()):
            raise serializers.ValidationError(
                "An object of user names: those of the archive, and those here."
            )
        names = {name for name in sent.values() if name}
        known = User.objects.filter(username__in=names, is_active=True).values_list("username", flat=True)
        if unknown := names - set(known):
            raise serializers.ValidationError(f"Nobody here has the user name “{min(unknown)[:100]}”.")
        if len(names) < sum(bool(name) for name in sent.values()):
            raise serializers.ValidationError("Two people of the archive cannot be one person here.")
        return sent


class Restoration(APIView):
    """Makes a project of an archive. People are found by user name; the others keep their names and cannot sign in."""

    parser_classes = [MultiPartParser]
    permission_classes = [IsAuthenticated]

    @extend_schema(request=RestorationSerializer, responses={202: JobSerializer})
    def post(self, request: Request) -> Response:
        serializer = RestorationSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        sent = serializer.validated_data
        assert isinstance(request.user, User)
        try:
            manifest = archives.check_upload(sent["file"])
        except TooLarge as large:
            raise TooLargeFile(" ".join(large.messages)) from large
        with transaction.atomic():
            project = archives.start_project(request.user, manifest, slug=sent["slug"], name=sent["name"])
            _, name = archives.keep_upload(sent["file"])
            job = start_restoration(project, request.user, name, sent["people"])
        return accepted(job)
