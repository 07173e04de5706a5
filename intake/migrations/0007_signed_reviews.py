"""A signed review never changes and never goes. A new key may encrypt it again; its digest says whether the words are the same."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION intake_guard_review() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status <> 'signed' THEN
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
  END IF;
  IF TG_OP = 'UPDATE' AND OLD.key_id <> NEW.key_id
     AND to_jsonb(NEW) - 'document' - 'key_id' = to_jsonb(OLD) - 'document' - 'key_id' THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'a signed review cannot change; amend it' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER intake_review_signed BEFORE UPDATE OR DELETE ON intake_review
  FOR EACH ROW EXECUTE FUNCTION intake_guard_review();
"""
BACKWARD = "DROP TRIGGER intake_review_signed ON intake_review; DROP FUNCTION intake_guard_review();"


class Migration(migrations.Migration):
    dependencies = [("intake", "0006_review")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
