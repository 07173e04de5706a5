#!/bin/sh
# Builds and starts docker-compose.yml as it is, with random secrets, loads the demo clinic, books a visit over HTTP,
# looks at the health page, and takes everything down again. `book` alone does the part in the middle.
set -eu
cd "$(dirname "$0")/../.."
compose=${COMPOSE:-docker compose}
address=127.0.0.1:${PORT:-8000}

secret() { od -An -tx1 -N24 /dev/urandom | tr -d ' \n'; }

settings() {
  for name in SECRET_KEY POSTGRES_PASSWORD APP_DATABASE_PASSWORD REDIS_PASSWORD; do
    eval "export $name=\${$name:-$(secret)}"
  done
  export ANSWER_KEYS="${ANSWER_KEYS:-rehearsal:$(secret)}" LINK_KEYS="${LINK_KEYS:-rehearsal:$(secret)}"
  export SITE_URL="http://$address" ALLOWED_HOSTS=127.0.0.1,localhost WEB_BIND="$address" TRUSTED_PROXY_COUNT=0 DEMO=1
  export EMAIL_HOST=localhost MAIL_FROM="Clinic <clinic@example.org>" MAIL_REPLY_TO=clinic@example.org
}

book() {
  $compose exec -T web python manage.py load_demo
  python3 tests/platform/book_over_http.py "http://$address"
  $compose exec -T web python -c "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8000/readyz').read().decode())"
  for service in web worker beat sender postgres redis; do
    printf '%s runs as user %s\n' "$service" "$($compose exec -T "$service" id -u)"
  done
}

case ${1:-all} in
  with) # with COMMAND …: the settings, for another tool than Docker's own
    shift
    settings
    exec "$@"
    ;;
  book) book ;;
  all)
    settings
    trap '$compose down -v --remove-orphans' EXIT
    $compose up -d --build --wait
    book
    ;;
esac
