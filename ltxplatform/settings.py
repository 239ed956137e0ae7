"""Every setting of the site, read from typed environment variables (docs/operators.md lists them).

Development boots with nothing set. Production (`DEPLOYMENT=production`) refuses to start on unsafe values;
the rules are in checks.py.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.core.exceptions import ImproperlyConfigured

from ltxplatform import embedded_postgres, env, redaction
from ltxplatform.staff_theme import UNFOLD as UNFOLD

BASE_DIR = Path(__file__).resolve().parent.parent

if env.choice("DEPLOYMENT", default="development", options=("development", "production")) == "development":
    env.read_dotenv(BASE_DIR / ".env")
DEPLOYMENT = env.choice("DEPLOYMENT", default="development", options=("development", "production"))
IN_DEVELOPMENT = DEPLOYMENT == "development"

VERSION = "0.1.0"  # also in pyproject.toml, which is not installed
DATA_DIR = Path(env.text("DATA_DIR", str(BASE_DIR / ".local")))
DEFAULT_SECRET_KEY = "development-only-key-that-production-refuses-to-start-with"  # noqa: S105
SECRET_KEY = env.secret("SECRET_KEY", DEFAULT_SECRET_KEY if IN_DEVELOPMENT else "")
# The one before, after a change: what was encrypted or signed with it is still read.
FORMER_SECRET_KEY = env.secret("FORMER_SECRET_KEY")
SECRET_KEY_FALLBACKS = [FORMER_SECRET_KEY] if FORMER_SECRET_KEY else []
DEBUG = env.boolean("DEBUG", default=False)
ALLOWED_HOSTS = env.items(
    "ALLOWED_HOSTS", default=("localhost", "127.0.0.1", "[::1]", "testserver") if IN_DEVELOPMENT else ()
)
PUBLIC_URL = env.address("PUBLIC_URL")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL.startswith("https://") else []
ADMIN_PATH = env.text("ADMIN_PATH", "staff").strip("/")

# -- fal: the real service with a key, its stand-in without one

SANDBOX_URL = env.address("SANDBOX_URL", default="http://127.0.0.1:8790" if IN_DEVELOPMENT else "")
FAL_KEY = env.secret("FAL_KEY")
# Requests waiting or running at fal at once, by key. fal runs 2 to 40 of an account's jobs and lines up the rest.
FAL_IN_FLIGHT_LIMIT = 5000
FAL_MAX_IN_FLIGHT = env.integer("FAL_MAX_IN_FLIGHT", default=40, minimum=1, maximum=FAL_IN_FLIGHT_LIMIT)
# Several keys with names and windows of their own; empty: FAL_KEY alone, under the name "main".
FAL_KEYS = env.named_keys("FAL_KEYS", window=FAL_MAX_IN_FLIGHT, maximum=FAL_IN_FLIGHT_LIMIT)
if FAL_KEY and FAL_KEYS:
    raise ImproperlyConfigured("Set either FAL_KEY or FAL_KEYS, not both.")
_sandbox = SANDBOX_URL if SANDBOX_URL and not FAL_KEY and not FAL_KEYS else ""
FAL_KEY = FAL_KEY or ("sandbox-key:sandbox-secret" if _sandbox else "")
redaction.hide(FAL_KEY, *(key.secret for key in FAL_KEYS))
FAL_QUEUE_URL = env.address(
    "FAL_QUEUE_URL", default=f"{_sandbox}/queue" if _sandbox else "https://queue.fal.run"
)
FAL_REST_URL = env.address("FAL_REST_URL", default=f"{_sandbox}/rest" if _sandbox else "https://rest.fal.ai")
FAL_API_URL = env.address(
    "FAL_API_URL", default=f"{_sandbox}/api/v1" if _sandbox else "https://api.fal.ai/v1"
)
FAL_MEDIA_HOSTS = env.items(
    "FAL_MEDIA_HOSTS", default=(urlsplit(_sandbox).hostname or "",) if _sandbox else ("*.fal.media",)
)
FAL_SANDBOX_IN_USE = bool(_sandbox)
# How long a lost submission waits for the webhook that names it before fal's request list is asked.
FAL_LOST_REPLY_SECONDS = env.integer("FAL_LOST_REPLY_SECONDS", default=20, minimum=1)
# With the accounts' ids here, webhooks that fal signed for another customer are refused at the door.
FAL_USER_IDS = env.items("FAL_USER_ID")
# Status requests per second at most, over all jobs in flight: with many, each is asked about less often.
FAL_POLLS_PER_SECOND = env.integer("FAL_POLLS_PER_SECOND", default=20, minimum=1)
# Dollars for a billed second, until fal's billing says what it was.
FAL_UNIT_PRICE = env.amount("FAL_UNIT_PRICE", default="0.02")
FAL_MODEL = "fal-ai/ltxv-13b-098-distilled"

# -- Stripe: the real service with a key, its stand-in without one

STRIPE_SECRET_KEY = env.secret("STRIPE_SECRET_KEY")
_stripe_sandbox = f"{SANDBOX_URL}/stripe" if SANDBOX_URL and not STRIPE_SECRET_KEY else ""
STRIPE_SANDBOX_IN_USE = bool(_stripe_sandbox)
STRIPE_SECRET_KEY = STRIPE_SECRET_KEY or ("sk_test_sandbox" if _stripe_sandbox else "")
STRIPE_WEBHOOK_SECRET = env.secret("STRIPE_WEBHOOK_SECRET", "whsec_sandbox" if _stripe_sandbox else "")
redaction.hide(STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET)
STRIPE_API_URL = env.address("STRIPE_API_URL", default=_stripe_sandbox or "https://api.stripe.com")
# Where forms that pay lead to, so that the Content-Security-Policy lets them.
STRIPE_PAGES = env.items(
    "STRIPE_PAGES",
    default=(SANDBOX_URL,)
    if _stripe_sandbox
    else ("https://checkout.stripe.com", "https://billing.stripe.com"),
)
# Stripe works sales tax out at its page and adds it; needs a registration there.
STRIPE_AUTOMATIC_TAX = env.boolean("STRIPE_AUTOMATIC_TAX", default=False)
SANDBOX_IN_USE = FAL_SANDBOX_IN_USE or STRIPE_SANDBOX_IN_USE
# Whole dollars of credit that one press buys, and the bounds of amounts that people write themselves.
CREDIT_PACKS = env.integers("CREDIT_PACKS", default=(10, 25, 50, 100), minimum=1)
PURCHASE_MIN = env.integer("PURCHASE_MIN", default=5, minimum=1)
PURCHASE_MAX = env.integer("PURCHASE_MAX", default=2000, minimum=PURCHASE_MIN, maximum=500_000)
# Dollars below which the people who can buy are told.
LOW_BALANCE = env.integer("LOW_BALANCE", default=2, minimum=0)

# -- live updates: streams of a process of their own; without its address, pages ask again and again instead

LIVE_URL = env.address("LIVE_URL")
# Origins whose pages may open a stream, besides the live process's own.
LIVE_ORIGINS = env.items("LIVE_ORIGINS", default=(PUBLIC_URL,) if PUBLIC_URL else ())
LIVE_STREAMS_MAX = env.integer("LIVE_STREAMS_MAX", default=5000, minimum=1)
LIVE_STREAMS_PER_PERSON = env.integer("LIVE_STREAMS_PER_PERSON", default=20, minimum=1)
# Who has left a team hears nothing any more after this.
LIVE_RECHECK_SECONDS = env.integer("LIVE_RECHECK_SECONDS", default=25, minimum=1, maximum=50)

# -- generations

PROMPT_MAX_LENGTH = env.integer("PROMPT_MAX_LENGTH", default=1000, minimum=1)
UPLOAD_MAX_BYTES = env.integer("UPLOAD_MAX_BYTES", default=20_000_000, minimum=1)
UPLOAD_MAX_PIXELS = env.integer("UPLOAD_MAX_PIXELS", default=40_000_000, minimum=1)
RESULT_MAX_BYTES = env.integer("RESULT_MAX_BYTES", default=500_000_000, minimum=1)
# How long saving a clip that fal has finished is tried again; fal keeps files for a week at least.
SAVING_DEADLINE_SECONDS = env.integer("SAVING_DEADLINE_SECONDS", default=24 * 3600, minimum=60)
TEAM_PICTURE_BYTES = env.integer("TEAM_PICTURE_BYTES", default=10_000_000_000, minimum=1)
MEDIA_URL_SECONDS = env.integer("MEDIA_URL_SECONDS", default=900, minimum=60, maximum=900)
# Hosts that LoRA weights may come from; repositories are named without a host. fal fetches them, never we.
LORA_HOSTS = env.items("LORA_HOSTS", default=("huggingface.co", "civitai.com", "*.fal.media"))
# Clips of one batch at most.
BATCH_MAX = env.integer("BATCH_MAX", default=200, minimum=1, maximum=1000)
# Pictures by address may come from this machine and its network, and over plain HTTP: for development only.
FETCH_PRIVATE_NETWORKS = env.boolean("FETCH_PRIVATE_NETWORKS", default=False)
# A job that has not started at fal by then expires and its credits return.
START_DEADLINE_SECONDS = env.integer("START_DEADLINE_SECONDS", default=24 * 3600, minimum=60)
# Who submits a job may choose another deadline, from a minute up to this.
START_DEADLINE_MAX_SECONDS = env.integer("START_DEADLINE_MAX_SECONDS", default=7 * 24 * 3600, minimum=60)
# While no key works, jobs are taken until so many wait.
QUEUE_MAX = env.integer("QUEUE_MAX", default=100_000, minimum=1)
# Assumed for 121 frames of 720p without detail pass, until enough clips were made to know better.
ETA_PRIOR_SECONDS = env.integer("ETA_PRIOR_SECONDS", default=40, minimum=1)

# -- billing

# Dollars that one member of staff may give or take alone; above, another one approves.
ADJUSTMENT_LIMIT = env.integer("ADJUSTMENT_LIMIT", default=100, minimum=0)
# What new prices add to the provider's rate.
PRICE_MARGIN_PERCENT = env.integer("PRICE_MARGIN_PERCENT", default=0, minimum=0)

# -- Django

INSTALLED_APPS = [
    "unfold",
    "ltxplatform.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "ltxplatform.apps.StaticFilesConfig",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "csp",
    "django_htmx",
    "django_q",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "template_partials",
    "accounts",
    "billing",
    "generations",
    "ltxplatform.operations",
    "ltxplatform.data_rights",
    "ltxplatform",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "ltxplatform.middleware.RequestLogMiddleware",
    "accounts.middleware.OriginMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "ltxplatform.content_security.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "accounts.middleware.SessionAgeMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.SignInMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.staff_access.StaffSessionMiddleware",
    "accounts.middleware.PersonMiddleware",
    "accounts.middleware.StaffSiteMiddleware",
    "accounts.middleware.TeamMiddleware",
]

ROOT_URLCONF = "ltxplatform.urls"
WSGI_APPLICATION = "ltxplatform.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": [
                "template_partials.templatetags.partials",
                "ltxplatform.templatetags.ui",
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "ltxplatform.context.shell",
            ],
        },
    },
]

# Where manage.py brings up a database of its own; None when DATABASE_URL names one.
EMBEDDED_POSTGRES = DATA_DIR / "postgres" if IN_DEVELOPMENT and not env.secret("DATABASE_URL") else None

DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **env.database(
            "DATABASE_URL",
            default=embedded_postgres.expected_address(EMBEDDED_POSTGRES) if EMBEDDED_POSTGRES else "",
        ),
        # One connection a thread, kept: without it every broker call reconnects (a tenth of the enqueue rate).
        # A pool is ruled out: forked workers would share its sockets.
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "TEST": {"NAME": env.text("TEST_DATABASE_NAME", "test_ltxplatform")},
    }
}
# Only lets a cursor that asks for it prepare its statement, as the check of API keys does; Django's own never ask.
DATABASES["default"]["OPTIONS"].setdefault("prepare_threshold", 5)

# The default is shared by all processes, so that a limit on sign-in attempts is one limit; allauth counts there.
# "local" is each process's own, for what may be a little old but must cost nothing.
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "platform_cache"},
    "local": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
# Languages there are texts for; a person's choice, else the browser's, also decides how dates are written.
LANGUAGES = [("en", "English"), ("en-us", "English (United States)")]
FORMAT_MODULE_PATH = ["ltxplatform.formats"]

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
# As they were written, or as `collectstatic` gathers them under hashed names.
STATIC_FROM_SOURCE = env.boolean("STATIC_FROM_SOURCE", default=IN_DEVELOPMENT)
MEDIA_ROOT = Path(env.text("MEDIA_ROOT", str(DATA_DIR / "media")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if STATIC_FROM_SOURCE
            else "ltxplatform.staticfiles.HashedStaticFilesStorage"
        )
    },
}
WHITENOISE_USE_FINDERS = STATIC_FROM_SOURCE
WHITENOISE_AUTOREFRESH = STATIC_FROM_SOURCE
# Uploads stream to disk past 2.5 MB; the form's own limit is UPLOAD_MAX_BYTES.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000

# -- sign-in

AUTH_USER_MODEL = "accounts.User"
# One backend, so that an attempt costs one hash whether the address is known or not.
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
# Memory-hard, from OpenSSL: 0.31 s here, where a million rounds of PBKDF2 take 0.43 s (docs/decisions/0016).
# Older hashes are read, and renewed at the next sign-in.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
# Passwords from breaches, as SHA-1 sums in order: the file that "Have I Been Pwned" gives away. Read on this machine.
BREACHED_PASSWORDS_FILE = env.text("BREACHED_PASSWORDS_FILE")
AUTH_PASSWORD_VALIDATORS = [
    *(
        {"NAME": f"django.contrib.auth.password_validation.{name}"}
        for name in (
            "UserAttributeSimilarityValidator",
            "MinimumLengthValidator",
            "CommonPasswordValidator",
            "NumericPasswordValidator",
        )
    ),
    *([{"NAME": "accounts.breached_passwords.BreachedPasswordValidator"}] if BREACHED_PASSWORDS_FILE else []),
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "platform:home"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_FORMS = {"signup": "accounts.sign_up_form.SignUpForm"}
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
# A code and no link: sign-up goes on in the browser where it began, which a passkey needs.
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGOUT_REDIRECT_URL = "platform:home"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "http" if IN_DEVELOPMENT else "https"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
# Whoever did not change the password must hear that it was changed.
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
# Seconds for which a sign-in is recent enough for money, keys, members, factors and addresses.
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
# Failed attempts: 10 a minute from one address, 5 in 5 minutes for one account, whether it exists or not.
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/5m/key"}

MFA_ADAPTER = "accounts.factor_adapter.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_PASSKEY_SIGNUP_ENABLED = True
MFA_FORMS = {"add_webauthn": "accounts.factor_forms.AddPasskeyForm"}
MFA_TOTP_ISSUER = "ltxplatform"
MFA_TOTP_TOLERANCE = 1  # phones' clocks are up to half a minute off
# Browsers allow passkeys over plain HTTP on localhost alone.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = IN_DEVELOPMENT
# Staff without a second factor get no further than setting one up.
STAFF_NEEDS_SECOND_FACTOR = env.boolean("STAFF_NEEDS_SECOND_FACTOR", default=not IN_DEVELOPMENT)

# Sign-in with an OpenID provider, where one is named: its name stands on the button.
OIDC_NAME = env.text("OIDC_NAME", "single sign-on")
OIDC_ISSUER = env.address("OIDC_ISSUER")
OIDC_CLIENT_ID = env.text("OIDC_CLIENT_ID")
OIDC_CLIENT_SECRET = env.secret("OIDC_CLIENT_SECRET")
redaction.hide(OIDC_CLIENT_SECRET)
# Whether somebody whose address the provider has verified comes into the account that has this address already.
# Only for a provider that gives nobody an address that is not theirs.
OIDC_TRUSTS_ADDRESSES = env.boolean("OIDC_TRUSTS_ADDRESSES", default=False)
# Where the sign-in form leads, so that the Content-Security-Policy lets it.
OIDC_PAGES = env.items(
    "OIDC_PAGES", default=("{0.scheme}://{0.netloc}".format(urlsplit(OIDC_ISSUER)),) if OIDC_ISSUER else ()
)
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": []}}
if OIDC_ISSUER:
    SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"] = [
        {
            "provider_id": "sso",
            "name": OIDC_NAME,
            "client_id": OIDC_CLIENT_ID,
            "secret": OIDC_CLIENT_SECRET,
            "settings": {"server_url": OIDC_ISSUER},
        }
    ]
SOCIALACCOUNT_ADAPTER = "accounts.provider_adapter.ProviderAdapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = OIDC_TRUSTS_ADDRESSES
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = OIDC_TRUSTS_ADDRESSES

# A session ends when nobody used it for so long, and so long after its sign-in however much it is used.
SESSION_IDLE_HOURS = env.integer("SESSION_IDLE_HOURS", default=7 * 24, minimum=1)
SESSION_MAX_HOURS = env.integer("SESSION_MAX_HOURS", default=30 * 24, minimum=1)
SESSION_COOKIE_AGE = SESSION_IDLE_HOURS * 3600

# -- e-mail

EMAIL_BACKEND = env.text(
    "EMAIL_BACKEND",
    f"django.core.mail.backends.{'console' if IN_DEVELOPMENT else 'smtp'}.EmailBackend",
)
EMAIL_HOST = env.text("EMAIL_HOST", "localhost")
EMAIL_PORT = env.integer("EMAIL_PORT", default=25, minimum=1, maximum=65535)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.secret("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.boolean("EMAIL_USE_TLS", default=False)
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "ltxplatform <no-reply@localhost>")
EMAIL_SUBJECT_PREFIX = "[ltxplatform] "  # of what operators get
SERVER_EMAIL = DEFAULT_FROM_EMAIL
# Who is told when fal stops taking jobs, and of errors of the site.
ADMINS = [(address, address) for address in env.items("OPERATOR_EMAILS")]

# Minutes until a visit of staff to a team ends by itself: in any case, and after nothing was opened.
STAFF_SESSION_MINUTES = env.integer("STAFF_SESSION_MINUTES", default=30, minimum=1, maximum=240)
STAFF_SESSION_IDLE_MINUTES = env.integer("STAFF_SESSION_IDLE_MINUTES", default=10, minimum=1, maximum=240)

# -- data rights

# Days that an export can be downloaded.
EXPORT_DAYS = env.integer("EXPORT_DAYS", default=7, minimum=1, maximum=90)
# Exports that a team, or a person, may begin in a day.
EXPORTS_A_DAY = env.integer("EXPORTS_A_DAY", default=3, minimum=1)
# Days in which a deletion can be taken back.
DELETION_GRACE_DAYS = env.integer("DELETION_GRACE_DAYS", default=14, minimum=0, maximum=90)

# -- transport and headers

SECURE_COOKIES = env.boolean("SECURE_COOKIES", default=not IN_DEVELOPMENT)
SESSION_COOKIE_NAME = "__Host-session" if SECURE_COOKIES else "session"
SESSION_COOKIE_SECURE = SECURE_COOKIES
CSRF_COOKIE_NAME = "__Host-csrf" if SECURE_COOKIES else "csrf"
CSRF_COOKIE_SECURE = SECURE_COOKIES
SECURE_SSL_REDIRECT = env.boolean("SECURE_SSL_REDIRECT", default=not IN_DEVELOPMENT)
SECURE_REDIRECT_EXEMPT = [r"^health$", r"^ready$"]
SECURE_HSTS_SECONDS = env.integer("SECURE_HSTS_SECONDS", default=0 if IN_DEVELOPMENT else 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = not IN_DEVELOPMENT
SECURE_HSTS_PRELOAD = not IN_DEVELOPMENT
if env.boolean("BEHIND_TLS_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# How many proxies of ours stand in front: whose address is believed when attempts are counted and deeds written down.
TRUSTED_PROXIES = env.integer("TRUSTED_PROXIES", default=0, minimum=0, maximum=10)
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:"],
        "media-src": ["'self'", "blob:"],
        "connect-src": ["'self'"],  # and the live process, in ltxplatform/content_security.py
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        # Also where an answer to a form redirects.
        "form-action": ["'self'", *STRIPE_PAGES, *OIDC_PAGES],
    }
}

# -- REST API

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "ltxplatform.errors.problem_response",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "ltxplatform API",
    "DESCRIPTION": "Turn pictures and prompts into clips, paid from a team's prepaid credit.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": [],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
}

# -- background work: values and their measurements in docs/decisions/

Q_CLUSTER: dict[str, Any] = {
    "name": "default",
    "orm": "default",
    "cache": "local",
    "workers": 2,
    "queue_limit": 2,
    "bulk": 1,
    "timeout": 60,
    "retry": 300,
    "max_attempts": 3,
    "ack_failures": True,
    "save_limit": -1,
    "poll": 0.2,
    "catch_up": False,
    "recycle": 500,
    "max_rss": 400_000,
    "label": "Tasks",
    "ALT_CLUSTERS": {
        "media": {"timeout": 300, "retry": 1500},
        "hooks": {"timeout": 40, "retry": 240},
    },
}

# -- logs

_shared_processors: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "lines": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redaction.redact,
                structlog.processors.JSONRenderer(),
            ],
            "foreign_pre_chain": _shared_processors,
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "lines"}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.server": {"handlers": [], "propagate": False},
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
        "stripe": {"level": "WARNING"},
        "django-q": {"level": "WARNING"},
    },
}
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_shared_processors,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
