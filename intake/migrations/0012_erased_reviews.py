"""A signed review may go with its whole record, once the law lets it: only in a transaction that says up to which day."""

from django.db import migrations

BODY = """
CREATE OR REPLACE FUNCTION intake_guard_review() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status <> 'signed' THEN
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
  END IF;
  IF TG_OP = 'UPDATE' AND OLD.key_id <> NEW.key_id
     AND to_jsonb(NEW) - 'document' - 'key_id' = to_jsonb(OLD) - 'document' - 'key_id' THEN
    RETURN NEW;
  END IF;%s
  RAISE EXCEPTION 'a signed review cannot change; amend it' USING ERRCODE = 'insufficient_privilege';
END $$;
"""
ERASE = """
  IF TG_OP = 'DELETE'
     AND OLD.signed_at < nullif(current_setting('truenorth.erase_signed_until', true), '')::date + 2 THEN
    RETURN OLD;
  END IF;"""


class Migration(migrations.Migration):
    dependencies = [("intake", "0011_doubted_age")]
    operations = [migrations.RunSQL(BODY % ERASE, BODY % "")]
