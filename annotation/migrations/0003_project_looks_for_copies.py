"""Near-duplicates are looked for after an import, unless a project says otherwise."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("annotation", "0002_metadata_functions")]

    operations = [
        migrations.AddField(
            model_name="project",
            name="looks_for_copies",
            field=models.BooleanField(default=True),
        ),
    ]
