"""How often what counts has changed."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("annotation", "0004_label_blocks"),
    ]

    operations = [
        migrations.CreateModel(
            name="ChangeCount",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("texts", "texts with answers taken out or brought back"),
                            ("answers", "answers taken out or brought back"),
                            ("rounds", "rounds deleted or brought back"),
                            ("labels", "labels renamed or merged"),
                            ("gold", "gold texts made"),
                            ("gold_changed", "gold texts changed"),
                            ("decisions", "decisions made or withdrawn"),
                            ("measure", "changes of how it is measured"),
                        ],
                        max_length=12,
                    ),
                ),
                ("n", models.BigIntegerField(default=0)),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="change_counts",
                        to="annotation.project",
                    ),
                ),
                (
                    "round",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="change_counts",
                        to="annotation.round",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("project", "kind", "round"), name="one_count_of_changes", nulls_distinct=False
                    )
                ],
            },
        ),
    ]
