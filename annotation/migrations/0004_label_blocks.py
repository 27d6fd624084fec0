"""Blocks by which texts are found under one of several labels. Blocks that know no such label of a file are made anew."""

import django.db.models.deletion
from django.db import migrations, models

FORGET = """
DELETE FROM annotation_textblock block USING annotation_project project
WHERE project.id = block.project_id AND project.task <> 'classification'
"""


class Migration(migrations.Migration):
    dependencies = [("annotation", "0003_project_looks_for_copies")]

    operations = [
        migrations.CreateModel(
            name="LabelBlock",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("block", models.BigIntegerField()),
                (
                    "label",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="annotation.label",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="LabelBlockMark",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("answers", models.BigIntegerField(default=0)),
                ("versions", models.BigIntegerField(default=0)),
                ("answers_seen", models.BigIntegerField(default=0)),
                ("versions_seen", models.BigIntegerField(default=0)),
                ("horizon", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.AddConstraint(
            model_name="labelblock",
            constraint=models.UniqueConstraint(fields=("label", "block"), name="label_blocks_in_order"),
        ),
        migrations.RunSQL(FORGET, migrations.RunSQL.noop),
    ]
