"""What every method of inferring labels says of each text."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("qc", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="truthreport",
            name="labels",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(), default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="truthreport",
            name="methods",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=11), default=list, size=None
            ),
        ),
        migrations.CreateModel(
            name="TruthBlock",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("first", models.BigIntegerField()),
                ("ids", models.BinaryField()),
                ("says", models.BinaryField()),
                (
                    "report",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="blocks",
                        to="qc.truthreport",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="truthblock",
            constraint=models.UniqueConstraint(fields=("report", "first"), name="one_truth_block_per_start"),
        ),
    ]
