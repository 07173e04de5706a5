"""Waiting for calendars, in the database: who finds the time taken leaves the queue there."""

from django.db import migrations

# Each statement of a volatile function sees what was committed before it, so the second look is as fresh as the first lock.
# Locks taken in a block that ends by an exception are given back when it does. Nobody else can tell TN001 from the outside.
FORWARD = """
CREATE FUNCTION booking_taken(
  who bigint, low timestamptz, high timestamptz, at timestamptz, keep text, own bigint, papers bigint[]
) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (
    SELECT FROM booking_appointment WHERE practitioner_id = who
      AND starts_at < high AND starts_at > low - interval '8 hours' AND ends_at > low
      AND status IN ('held', 'booked', 'confirmed', 'arrived', 'in_room', 'fulfilled')
      AND (status <> 'held' OR (hold_expires_at > at AND hold_key <> keep))
      AND id <> own AND (response_id IS NULL OR response_id <> ALL(papers))
  )
$$;

CREATE FUNCTION booking_queue(
  spaces int[], ids int[], who bigint, low timestamptz, high timestamptz, at timestamptz, keep text, own bigint, papers bigint[]
) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF who IS NOT NULL AND booking_taken(who, low, high, at, keep, own, papers) THEN
    RETURN false;
  END IF;
  BEGIN
    FOR n IN 1 .. cardinality(ids) LOOP
      PERFORM pg_advisory_xact_lock(spaces[n], ids[n]);
    END LOOP;
    IF who IS NOT NULL AND booking_taken(who, low, high, at, keep, own, papers) THEN
      RAISE SQLSTATE 'TN001';
    END IF;
  EXCEPTION WHEN SQLSTATE 'TN001' THEN
    RETURN false;
  END;
  RETURN true;
END $$;
"""
BACKWARD = """
DROP FUNCTION booking_queue(int[], int[], bigint, timestamptz, timestamptz, timestamptz, text, bigint, bigint[]);
DROP FUNCTION booking_taken(bigint, timestamptz, timestamptz, timestamptz, text, bigint, bigint[]);
"""


class Migration(migrations.Migration):
    dependencies = [("booking", "0008_helper")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
