"""Under which account PostgreSQL runs. It refuses to be root; everybody else runs it as themselves."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from emon_embedded.processes import Account

# In a user namespace of its own the process is user 1000 without any capability, and files of root are its own: no account is
# needed, nothing changes hands, and a home that only root may enter works. Both programs replace themselves by the next, so the
# process id and the signals are PostgreSQL's. Entering the namespace forgets the signal that comes when the parent dies; setpriv
# sets it again.
_OWN_NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "setpriv", "--pdeathsig", "INT")


class NoUnprivilegedAccount(Exception):
    """PostgreSQL cannot be run here by root."""


def account_for_postgresql() -> Account:
    """Our own account; for root a user namespace, or where these are forbidden the account `nobody`."""
    if os.geteuid() != 0:
        return Account()
    if _namespaces_are_allowed():
        return Account(prefix=_OWN_NAMESPACE)
    return nobody()


def nobody() -> Account:
    """The account that exists everywhere; PostgreSQL needs one with a name."""
    entry = pwd.getpwnam("nobody")
    return Account(user=entry.pw_uid, group=entry.pw_gid)


def open_the_way(folder: Path, account: Account) -> None:
    """Lets another account pass through our own folder to what lies in it, without seeing what else is there.

    Raises `NoUnprivilegedAccount` if a folder above, which is not ours to change, keeps it out.
    """
    if account.user is None:
        return
    folder.chmod(0o711)
    for above in folder.resolve().parents:
        if not above.stat().st_mode & 0o001:
            raise NoUnprivilegedAccount(
                "PostgreSQL does not run as root, and user namespaces are forbidden here. The account nobody cannot reach "
                f"{folder}, because only its owner may enter {above}. Start as another user, or choose another home with --home."
            )


def give(path: Path, account: Account) -> None:
    """Makes the account the owner of a file or folder (not of what is in it)."""
    if account.user is not None and account.group is not None:
        os.chown(path, account.user, account.group)


def _namespaces_are_allowed() -> bool:
    if not shutil.which("unshare") or not shutil.which("setpriv"):
        return False
    return subprocess.run([*_OWN_NAMESPACE, "true"], capture_output=True, check=False).returncode == 0
