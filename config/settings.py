"""Every setting of True North, read from the environment. A missing or wrong value stops the start."""

import os
import sys
from pathlib import Path
from typing import Any

import dj_database_url
from csp.constants import NONE, SELF, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from config.mail import mail_provider
from config.storage import photo_storage

BASE_DIR = Path(__file__).resolve().parent.parent


def env(name: str, default: str | None = None) -> str:
    """The variable `name`, or the content of the file that `<name>_FILE` points at (Docker secrets)."""
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text(encoding="utf-8").strip()
    value = os.environ.get(name, default)
    if value is None:
        raise ImproperlyConfigured(f"Set {name} (see .env.example).")
    return value


def env_bool(name: str, default: bool) -> bool:
    """A yes/no variable. Anything but 1/0, true/false, yes/no, on/off stops the start."""
    value = env(name, "1" if default else "0").lower()
    if value not in {"1", "true", "yes", "on", "0", "false", "no", "off"}:
        raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")
    return value in {"1", "true", "yes", "on"}


def env_int(name: str, default: int, *, least: int | None = None, most: int | None = None) -> int:
    """A whole-number variable, within these bounds."""
    value = env(name, str(default))
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from None
    if (least is not None and number < least) or (most is not None and number > most):
        raise ImproperlyConfigured(f"{name} must be from {least} to {most}, not {number}.")
    return number


def env_list(name: str, default: str = "") -> list[str]:
    """A comma-separated variable."""
    return [part.strip() for part in env(name, default).split(",") if part.strip()]


def env_keys(name: str, default: str | None = None) -> dict[str, str]:
    """A key ring `id:key,id:key`; the newest is first and is the one that writes."""
    ring: dict[str, str] = {}
    for part in env_list(name, default) if default is not None else [p for p in env(name).split(",") if p]:
        key_id, _sep, key = part.strip().partition(":")
        if not key_id or len(key) < 32:
            raise ImproperlyConfigured(f"{name} must be id:key pairs, newest first, each key 32 characters or more.")
        ring[key_id] = key
    if not ring:
        raise ImproperlyConfigured(f"{name} holds no key.")
    return ring


# --- What this process is -------------------------------------------------------------------------------------------
DEBUG = env_bool("DEBUG", False)
DEMO = env_bool("DEMO", False)
TESTING = "pytest" in sys.modules
SECRET_KEY = env("SECRET_KEY")
if not (DEBUG or DEMO or TESTING) and len(SECRET_KEY) < 40:
    raise ImproperlyConfigured("SECRET_KEY must have 40 characters or more.")
# The one before, for as long as what it signed should go on counting.
SECRET_KEY_FALLBACKS = env_list("SECRET_KEY_FALLBACKS")
# Key rings are separate from SECRET_KEY so that either can be changed alone.
_DEV_KEY = "dev:" + "d" * 43 if (DEBUG or TESTING) else None
ANSWER_KEYS = env_keys("ANSWER_KEYS", _DEV_KEY)
LINK_KEYS = env_keys("LINK_KEYS", _DEV_KEY)

SITE_URL = env("SITE_URL", "http://localhost:8000").rstrip("/")
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS")
HTTPS = SITE_URL.startswith("https://")
TRUSTED_PROXY_COUNT = env_int("TRUSTED_PROXY_COUNT", 0)

# --- Applications ---------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    # True North, top of the layers first: templates and commands of the upper layer win.
    "backups",
    "staff",
    "portal",
    "articles",
    "records",
    "notifications",
    "booking",
    "intake",
    "patients",
    "accounts",
    "audit",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "wagtail.contrib.redirects",
    "wagtail.embeds",
    "wagtail.sites",
    "wagtail.users",
    "wagtail.snippets",
    "wagtail.documents",
    "wagtail.images",
    "wagtail.search",
    "wagtail.admin",
    "wagtail",
    "modelcluster",
    "taggit",
    "phonenumber_field",
    "csp",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "django.forms",
]
AUTH_USER_MODEL = "accounts.User"
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

MIDDLEWARE = [
    # Headers first: whatever answers below, a file or an error included, gets them.
    "django.middleware.security.SecurityMiddleware",
    "accounts.middleware.ContentPolicy",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "accounts.middleware.privacy_headers",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "accounts.logs.request_log",
    "accounts.middleware.reject_hostile_bytes",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "accounts.middleware.staff_gate",
    "booking.tablet.tablet_gate",
    "booking.idle.patient_gate",
    "django.contrib.messages.middleware.MessageMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context.clinic",
            ],
            "builtins": ["django.templatetags.i18n", "django.templatetags.static"],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# --- Data -----------------------------------------------------------------------------------------------------------
DATABASES = {
    "default": dj_database_url.parse(env("DATABASE_URL"), conn_max_age=600, conn_health_checks=True),
}
if DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
    raise ImproperlyConfigured("DATABASE_URL must point at PostgreSQL: the no-overlap guarantee is a PostgreSQL constraint.")
DATABASES["default"]["ENGINE"] = "config.postgresql"  # Django's, with a cheaper health check
DATABASES["default"].setdefault("OPTIONS", {})["options"] = (
    "-c statement_timeout=15000 -c lock_timeout=4000 -c idle_in_transaction_session_timeout=20000"
    # Prepared statements (audit/rows.py) are planned once per connection, not for each set of values.
    " -c plan_cache_mode=force_generic_plan"
)
# The DATABASE_URL of web, worker and sender, where migrate runs as the owner: `manage.py grant_app_role` makes its role.
APP_DATABASE_URL = env("APP_DATABASE_URL", "")
REDIS_URL = env("REDIS_URL", "redis://127.0.0.1:6379/0")
CACHES = {
    # Sign-in rate limits must survive Redis, so the default cache is a PostgreSQL table.
    # At Django's own 300 entries somebody who fills it pushes out the counts that are in it, and codes that were used.
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
    "redis": {
        "BACKEND": "accounts.cache.BestEffortRedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "tn",
        "OPTIONS": {"socket_timeout": 0.25, "socket_connect_timeout": 0.25},
    },
}
SESSION_ENGINE = "accounts.sessions"
# A line such as "Maya Chowdhury moved" waits in the session, not in a cookie that anybody at the desk can read.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "accounts.errors.csrf_failure"

# --- Sign-in --------------------------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = (
    ["django.contrib.auth.hashers.MD5PasswordHasher"]
    if TESTING
    else [
        "django.contrib.auth.hashers.Argon2PasswordHasher",
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    ]
)
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/staff/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/staff/login/"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # nobody signs up, so there is nothing to invite to
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT
MFA_ADAPTER = "accounts.adapter.MFAAdapter"
MFA_FORMS = {
    "authenticate": "accounts.second_step.AuthenticateForm",
    "reauthenticate": "accounts.second_step.ReauthenticateForm",
    "login_webauthn": "accounts.passkey_forms.LoginForm",
    "authenticate_webauthn": "accounts.passkey_forms.AuthenticateForm",
    "reauthenticate_webauthn": "accounts.passkey_forms.ReauthenticateForm",
    "add_webauthn": "accounts.passkey_forms.AddForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS
MFA_TOTP_ISSUER = "True North"
# Addresses come from whoever creates the sign-in, and the password link goes there; nobody signs up.
MFA_ALLOW_UNVERIFIED_EMAIL = True
# In the demo the printed sign-ins work with a password alone; everywhere else staff must have a second factor.
STAFF_MFA_REQUIRED = env_bool("STAFF_MFA_REQUIRED", not DEMO)
STAFF_IDLE_MINUTES = env_int("STAFF_IDLE_MINUTES", 15, least=2, most=30)
PATIENT_IDLE_MINUTES = env_int("PATIENT_IDLE_MINUTES", 30, least=5, most=60)

# --- Questionnaires --------------------------------------------------------------------------------------------------
# Whether thoughts of self-harm are asked about. Only where somebody is named who looks every working day, and acts.
SAFETY_ITEMS = env_bool("SAFETY_ITEMS", True)

# --- Messages -------------------------------------------------------------------------------------------------------
EMAIL_HOST = env("EMAIL_HOST", "localhost")
EMAIL_PORT = env_int("EMAIL_PORT", 25)
EMAIL_HOST_USER = env("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env_bool("EMAIL_USE_TLS", False)  # STARTTLS, as on port 587
EMAIL_USE_SSL = env_bool("EMAIL_USE_SSL", False)  # TLS from the first byte, as on port 465
if EMAIL_USE_TLS and EMAIL_USE_SSL:
    raise ImproperlyConfigured("Set one of EMAIL_USE_TLS (port 587) and EMAIL_USE_SSL (port 465), not both.")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env("MAIL_FROM", "True North Metabolic <appointments@tn.example>")
# smtp, or a provider's API by way of django-anymail: one whose tracking of opens and clicks we can switch off.
MAIL_PROVIDER = env("MAIL_PROVIDER", "smtp")
ANYMAIL = mail_provider(MAIL_PROVIDER, env("ANYMAIL", ""), timeout=EMAIL_TIMEOUT)
if MAIL_PROVIDER != "smtp":
    EMAIL_BACKEND = f"anymail.backends.{MAIL_PROVIDER}.EmailBackend"
elif not EMAIL_HOST:
    raise ImproperlyConfigured("Set EMAIL_HOST, or choose a MAIL_PROVIDER (see .env.example).")
MAIL_REPLY_TO = env("MAIL_REPLY_TO", "hello@tn.example")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
# How long a change rests before it is told, so that a slip undone at once never reaches a patient.
MESSAGE_GRACE_SECONDS = env_int("MESSAGE_GRACE_SECONDS", 180)
# When nobody is written to, on the clinic's clock. Empty in the demo: whoever looks at it may sit in any zone.
MESSAGE_QUIET_HOURS = env("MESSAGE_QUIET_HOURS", "" if DEMO else "21:00-08:00")
# Messages a second that the provider takes, over all senders, by channel; 0: no limit.
_RATES = {"email": float(env("MAILS_PER_SECOND", "0")), "text": float(env("TEXTS_PER_SECOND", "0"))}
MESSAGE_RATES = {channel: rate for channel, rate in _RATES.items() if rate > 0}
# Who is mailed when a message has been due for ten minutes; and the token that opens /metrics, which is off without one.
ALARM_MAIL = env_list("ALARM_MAIL")
METRICS_TOKEN = env("METRICS_TOKEN", "")
# off, catcher (the demo's mailbox) or twilio.
SMS_CHANNEL = env("SMS_CHANNEL", "catcher" if (DEMO or DEBUG or TESTING) else "off")
TWILIO_ACCOUNT_SID = env("TWILIO_ACCOUNT_SID", "")
TWILIO_AUTH_TOKEN = env("TWILIO_AUTH_TOKEN", "")
TWILIO_FROM = env("TWILIO_FROM", "")  # a number (+1…) or a messaging service (MG…)
TWILIO_API = env("TWILIO_API", "https://api.twilio.com")
if SMS_CHANNEL == "twilio" and not (TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN and TWILIO_FROM):
    raise ImproperlyConfigured("SMS_CHANNEL=twilio needs TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_FROM.")
# Bounces come back to this address with a sealed id added to its name (name+id@host); empty: to MAIL_FROM, unread.
MAIL_BOUNCES = env("MAIL_BOUNCES", "")
if len(MAIL_BOUNCES.partition("@")[0]) > 14:
    raise ImproperlyConfigured("The name in MAIL_BOUNCES may have 14 characters: with the id it must stay within 64.")

# --- Celery: an alarm clock; the queue is PostgreSQL ----------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_REJECT_ON_WORKER_LOST = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_DISABLE_PREFETCH = True
CELERY_TASK_SOFT_TIME_LIMIT = 45
CELERY_TASK_TIME_LIMIT = 60
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 25
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_POOL_ACQUIRE_TIMEOUT = 5
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.2}
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 15,
    "visibility_timeout": 300,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    "global_keyprefix": "clinic:",
}
CELERY_TIMEZONE = "UTC"
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]

# --- Language and time ----------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en-ca"
LANGUAGES = [("en-ca", _("English (Canada)"))]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"  # People see the clinic's zone (accounts.clock), never the server's.
PHONENUMBER_DEFAULT_REGION = "CA"
PHONENUMBER_DEFAULT_FORMAT = "NATIONAL"

# --- Files ----------------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"
MEDIA_URL = "/media/"
MEDIA_ROOT = Path(env("MEDIA_ROOT", str(BASE_DIR / "media")))
# Patients' photos and files, encrypted: beside the public images, never among them. A folder, or a bucket.
PRIVATE_ROOT = Path(env("PRIVATE_ROOT", str(MEDIA_ROOT.parent / "private")))
PHOTO_STORAGE = env("PHOTO_STORAGE", "")
PHOTO_HOURS = env_int("PHOTO_HOURS", 72)  # how long photos of a draft are kept after it was last used
# How long a record is kept after its last entry. Ontario asks physicians for ten years; a clinic may keep longer.
RECORD_YEARS = env_int("RECORD_YEARS", 10)
if RECORD_YEARS < 10:
    raise ImproperlyConfigured("RECORD_YEARS must be 10 or more.")
PHOTO_DISK_FREE = 0.15  # under this share of the disk no photo is taken; booking goes on
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "photos": photo_storage(PHOTO_STORAGE, PRIVATE_ROOT),
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if (DEBUG or TESTING)
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
# Public keys (age1…) that every copy of the clinic is sealed to. The private ones are never on this machine.
BACKUP_KEYS = env_list("BACKUP_KEYS")
PG_BIN = env("PG_BIN", "")  # where pg_dump and pg_restore are; empty: the wheel's, else those on PATH
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 400

# --- Security -------------------------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "manifest-src": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}
# The articles' editor writes scripts and styles into its pages, and shows a page within itself; it takes nothing from outside.
EDITOR_POLICY = {
    **CONTENT_SECURITY_POLICY["DIRECTIVES"],
    "script-src": [SELF, UNSAFE_INLINE],
    "style-src": [SELF, UNSAFE_INLINE],
    "frame-src": [SELF],
    "frame-ancestors": [SELF],
}
X_FRAME_OPTIONS = "DENY"
# Nothing leaves the site. Not "no-referrer": with it browsers send "Origin: null" with forms, which the CSRF check refuses.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = HTTPS and env_bool("SECURE_SSL_REDIRECT", True)
SECURE_HSTS_SECONDS = 63072000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS and env_bool("SECURE_HSTS_INCLUDE_SUBDOMAINS", False)
SECURE_HSTS_PRELOAD = HTTPS and env_bool("SECURE_HSTS_PRELOAD", False)
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]
if TRUSTED_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- Public site (Wagtail) ------------------------------------------------------------------------------------------
WAGTAIL_SITE_NAME = "True North"
WAGTAILADMIN_BASE_URL = SITE_URL
WAGTAILADMIN_LOGIN_URL = "/staff/login/"
WAGTAIL_FRONTEND_LOGIN_URL = "/staff/login/"
WAGTAIL_GRAVATAR_PROVIDER_URL = None
WAGTAIL_ENABLE_UPDATE_CHECK = False
WAGTAIL_PASSWORD_MANAGEMENT_ENABLED = False
WAGTAIL_EMAIL_MANAGEMENT_ENABLED = False
WAGTAIL_WORKFLOW_REQUIRE_REAPPROVAL_ON_EDIT = True

# --- Health: what /readyz asks the upper layers; each answers None or its trouble -------------------------------------
HEALTH_CHECKS = {"messages": "notifications.health.check", "worker": "notifications.health.worker"}

# --- Logs: route names and ids, never bodies, queries or addresses --------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "accounts.logs.json_formatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": env("LOG_LEVEL", "WARNING" if TESTING else "INFO")},
    # Wagtail's index keeping, one line a page; and what Celery says of each round, four lines every two seconds.
    "loggers": {
        name: {"level": "WARNING"} for name in ("django_tasks", "celery.app.trace", "celery.worker.strategy", "celery.beat")
    },
}
