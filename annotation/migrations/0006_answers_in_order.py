"""The index by which answers are found by day gives them an order that no two share, for lists that go by it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("annotation", "0005_change_counts")]

    operations = [
        migrations.AddIndex(
            model_name="annotation",
            index=models.Index(fields=["round", "created", "id"], name="answers_in_order"),
        ),
        migrations.RemoveIndex(model_name="annotation", name="answers_by_day"),
    ]
