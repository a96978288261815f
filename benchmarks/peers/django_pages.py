"""Django: session login, `ListView` with its pagination, `prefetch_related`, templates; put together as its documentation shows.

The middleware of a new project, cached templates, sessions in the database as they are by default, persistent connections.
gunicorn with a process for each processor and threads, which alone keep connections open; no access log.
"""

import json
import os
import sys
import uuid
from urllib.parse import urlsplit

import django
from django.conf import settings
from gunicorn.app.base import BaseApplication

THREADS = 4
AGS = "08115003"

arguments = json.loads(sys.argv[1])
url = urlsplit(arguments["url"])


class Application(BaseApplication):
    """gunicorn around the application (its documentation: custom application)."""

    def load_config(self):
        self.cfg.set("bind", f"127.0.0.1:{arguments['port']}")
        self.cfg.set("workers", os.cpu_count())
        self.cfg.set("worker_class", "gthread")
        self.cfg.set("threads", THREADS)
        self.cfg.set("keepalive", 60)
        self.cfg.set("loglevel", "warning")
        self.cfg.set("control_socket_disable", True)

    def load(self):
        from django.core.wsgi import get_wsgi_application

        return get_wsgi_application()


def configure():
    settings.configure(
        SECRET_KEY="benchmark",
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF="circles.views",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "circles"],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                    ]
                },
            }
        ],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": url.path[1:],
                "USER": url.username,
                "PASSWORD": url.password,
                "HOST": url.hostname,
                "PORT": url.port,
                "CONN_MAX_AGE": None,
            }
        },
        USE_TZ=True,
        USE_I18N=False,
        LOGGING_CONFIG=None,
        COUNT_GIVEN=None if arguments["counts"] else arguments["organisations"],
    )
    django.setup()


def fill():
    """The same organisations, and a coordinator with an open session; answers its key."""
    from circles.models import Grant, Municipality, Organisation
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.models import User
    from django.contrib.sessions.backends.db import SessionStore
    from django.core.management import call_command
    from django.db import connection, connections

    call_command("migrate", verbosity=0)
    call_command("migrate", verbosity=0, run_syncdb=True)  # circles has no migrations, and refers to what has
    place = Municipality.objects.create(ags=AGS, name="Musterstadt")
    organisations = [
        Organisation(id=uuid.UUID(int=number + 1), name=f"Freundeskreis Asyl {number:05}", kind=Organisation.Kind.HELPER_CIRCLE)
        for number in range(arguments["organisations"])
    ]
    Organisation.objects.bulk_create(organisations)
    areas = Organisation.municipalities.through
    areas.objects.bulk_create(areas(organisation_id=item.id, municipality_id=place.ags) for item in organisations)
    coordinator = User.objects.create_user("erika", first_name="Erika", last_name="Muster")
    Grant.objects.create(user=coordinator, municipality=place)
    session = SessionStore()
    session[SESSION_KEY] = str(coordinator.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = coordinator.get_session_auth_hash()
    session.save()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    connections.close_all()  # the processes that gunicorn forks open their own
    return session.session_key


def main():
    configure()
    key = fill()
    print("ready", flush=True)
    sys.stdin.readline()
    application = Application()
    application.cfg.set("when_ready", lambda _server: print(key, flush=True))
    application.run()


if __name__ == "__main__":
    main()
