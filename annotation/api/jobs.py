"""Jobs over REST."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from annotation.access import object_for
from annotation.api.requests import Request
from annotation.models import Job, Role
from annotation.services.jobs import cancel_job


class JobSerializer(serializers.ModelSerializer[Job]):
    """A job as clients see it."""

    class Meta:
        model = Job
        fields = [
            "id",
            "kind",
            "title",
            "state",
            "progress",
            "message",
            "result_url",
            "error",
            "created",
            "finished",
        ]


def accepted(job: Job) -> Response:
    """202 with the job and where to ask after it."""
    location = reverse("api-job", args=[job.pk])
    return Response(JobSerializer(job).data, status=status.HTTP_202_ACCEPTED, headers={"Location": location})


class JobDetail(APIView):
    """How far a job is."""

    @extend_schema(responses=JobSerializer)
    def get(self, request: Request, job_id: UUID) -> Response:
        return Response(JobSerializer(object_for(request.user, Job.objects.all(), job_id, Role.LEAD)).data)


class JobCancel(APIView):
    """Cancels a job; what it did so far is rolled back."""

    @extend_schema(request=None, responses=JobSerializer)
    def post(self, request: Request, job_id: UUID) -> Response:
        job = object_for(request.user, Job.objects.all(), job_id, Role.LEAD)
        cancel_job(job)
        return Response(JobSerializer(job).data)
