"""Settings; what differs between environments is in local_settings.py, the password in a variable."""

import os

from shop.local_settings import MYSQL, REDIS_URL

SECRET_KEY = "an example has no sessions"
ALLOWED_HOSTS = ["*"]
TIME_ZONE = os.environ.get("TZ", "UTC")  # else that of Chicago, in logs too
ROOT_URLCONF = "shop.urls"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.mysql",
        "PASSWORD": os.environ.get("MYSQL_PASSWORD", ""),
        **MYSQL,
    }
}
BROKER_URL = REDIS_URL
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "format": "[{asctime}.{msecs:03.0f}] {levelname} shop - {message}",
            "datefmt": "%Y-%m-%d %H:%M:%S",
            "style": "{",
        }
    },
    "handlers": {
        "file": {
            "class": "logging.FileHandler",
            "filename": os.path.join(os.environ.get("LOG_DIR", "."), "app.log"),
            "formatter": "line",
        }
    },
    "root": {"handlers": ["file"], "level": "INFO"},
}
