"""Django and django-post_office by the bulk path of its documentation: `send_many`, then `send_queued_mail` with processes.

Large batches instead of its 100, a thread for each process ("multi threading … doesn't seem to help SMTP based backends"), cached
template, no log file. It keeps its default log of every mail in the database, as we keep every try.
"""

import json
import logging
import sys
import tempfile
from urllib.parse import urlsplit

import django
from django.conf import settings

TEXT = """Guten Tag {{ name }},

Sie sind eingeladen: Runder Tisch: Was gelingt, was fehlt?

Beginn: Mittwoch, 23. Dezember 2026, 18:00 Uhr
Dauer: 90 Minuten
Ort: Rathaus, Großer Saal

Zu- oder absagen: https://emon.example.org/links/{{ token }}

Musterstadt
"""
TOKEN = "x" * 172


def configure(arguments) -> None:
    url = urlsplit(arguments["url"])
    settings.configure(
        SECRET_KEY="benchmark",
        INSTALLED_APPS=["django.contrib.contenttypes", "post_office", "guests"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": url.path[1:],
                "USER": url.username,
                "PASSWORD": url.password,
                "HOST": url.hostname,
                "PORT": url.port,
            }
        },
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        EMAIL_BACKEND="post_office.EmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=arguments["smtp_port"],
        POST_OFFICE={"BATCH_SIZE": 5000, "THREADS_PER_PROCESS": 1, "MESSAGE_ID_ENABLED": True, "MESSAGE_ID_FQDN": "example.org"},
        LOGGING_CONFIG=None,
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    )
    django.setup()
    logging.getLogger("post_office").handlers[:] = []


def main() -> None:
    arguments = json.loads(sys.argv[1])
    configure(arguments)
    from django.core.management import call_command
    from guests.models import Guest
    from post_office import mail
    from post_office.models import STATUS, Email, EmailTemplate

    call_command("migrate", verbosity=0, run_syncdb=True)
    template = EmailTemplate.objects.create(name="invitation", subject="Einladung: Runder Tisch", content=TEXT)
    numbers = range(1, arguments["guests"] + 1)
    Guest.objects.bulk_create(Guest(name=f"Erika Süß {number}", email=f"p{number}@example.org") for number in numbers)
    print("ready", flush=True)
    sys.stdin.readline()
    mail.send_many(
        [
            {
                "sender": "EmON <noreply@example.org>",
                "recipients": [guest.email],
                "template": template,
                "context": {"name": guest.name, "token": TOKEN},
                "headers": {"Reply-To": "reply@example.org"},
            }
            for guest in Guest.objects.iterator()
        ]
    )
    with tempfile.TemporaryDirectory() as folder:
        mail.send_queued_mail_until_done(f"{folder}/lock", processes=arguments["processes"])
    print(Email.objects.filter(status=STATUS.sent).count(), flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main()
