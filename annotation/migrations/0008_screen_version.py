"""Open screens learn that labels, or what else is asked, have changed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("annotation", "0007_suggestions")]

    operations = [
        migrations.AddField(
            model_name="project",
            name="screen_version",
            field=models.PositiveIntegerField(default=1),
        ),
    ]
