from hydra.local_settings import REDIS_URL

SECRET_KEY = "not-a-secret"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "hydra.urls"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
