"""Stored figures know how often what counts had changed when they were computed."""

from django.db import migrations, models

# What is stored already is of the moment of the project's agreement, and of answers as they are now
OF_THAT_MOMENT = """
UPDATE qc_humanceiling kept SET revision = report.revision, revisions = report.revisions
FROM qc_agreementreport report WHERE report.project_id = kept.project_id AND report.round_id IS NULL;
UPDATE qc_truthreport SET revisions = coalesce((SELECT max(id) FROM annotation_annotationversion), 0);
"""


class Migration(migrations.Migration):
    dependencies = [("qc", "0003_decided_texts"), ("annotation", "0005_change_counts")]

    operations = [
        migrations.AddField("agreementreport", "changes", models.JSONField(default=dict)),
        migrations.AddField("humanceiling", "changes", models.JSONField(default=dict)),
        migrations.AddField("humanceiling", "revision", models.BigIntegerField(default=0)),
        migrations.AddField("humanceiling", "revisions", models.BigIntegerField(default=0)),
        migrations.AddField("truthreport", "changes", models.JSONField(default=dict)),
        migrations.AddField("truthreport", "revisions", models.BigIntegerField(default=0)),
        migrations.RunSQL(OF_THAT_MOMENT, migrations.RunSQL.noop),
    ]
