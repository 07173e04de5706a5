"""A published questionnaire never changes."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION intake_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a published questionnaire cannot change; publish a new version' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER intake_questionnaire_immutable BEFORE UPDATE ON intake_questionnaire
  FOR EACH ROW EXECUTE FUNCTION intake_refuse_change();
"""
BACKWARD = "DROP TRIGGER intake_questionnaire_immutable ON intake_questionnaire; DROP FUNCTION intake_refuse_change();"


class Migration(migrations.Migration):
    dependencies = [("intake", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
