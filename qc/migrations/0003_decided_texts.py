"""Where decided texts lie among all texts."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("qc", "0002_truth_of_texts")]

    operations = [
        migrations.CreateModel(
            name="DecidedText",
            fields=[
                (
                    "item",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="decided_text",
                        serialize=False,
                        to="annotation.item",
                    ),
                ),
                ("vector", models.BinaryField()),
            ],
        ),
    ]
