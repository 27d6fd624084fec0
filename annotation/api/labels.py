"""The labels of a project over REST."""

from rest_framework import serializers

from annotation.models import Label
from annotation.services.labels import LONGEST_EXAMPLE, MOST_EXAMPLES


class LabelSerializer(serializers.ModelSerializer[Label]):
    """A label; `color` is one of the eight hues of the design.

    Its id stays when it is renamed. One that was merged into another, or retired, cannot be chosen any more.
    """

    hotkey = serializers.CharField(max_length=1, required=False, allow_blank=True, allow_null=True)
    color = serializers.IntegerField(min_value=1, max_value=8, required=False, allow_null=True)
    examples = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_EXAMPLE), max_length=MOST_EXAMPLES, required=False
    )
    merged_into = serializers.PrimaryKeyRelatedField[Label](read_only=True)

    class Meta:
        model = Label
        fields = [
            "id",
            "name",
            "description",
            "hotkey",
            "color",
            "examples",
            "position",
            "retired",
            "merged_into",
        ]
        read_only_fields = ["position", "retired"]
