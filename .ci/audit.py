"""Look the locked libraries up in PyPI's advisories and print what is known against them; always a warning.

An advisory is no fault of the commit that CI runs on, and a bank's package mirror has no advisories to ask: some
refuse, some know no library at all, which pip-audit alone would report as `No known vulnerabilities found`.
"""

import json
import subprocess
import sys
from pathlib import Path

SECONDS = 60
COMMAND = [
    "--require-hashes",
    "--disable-pip",
    "--progress-spinner",
    "off",
    "--timeout",
    "5",
    "--format",
    "json",
]


def warnings(lock: str) -> list[str]:
    """Return one line per advisory on a library of the lock file, or one line on why there was no answer."""
    try:
        run = subprocess.run(
            [Path(sys.executable).with_name("pip-audit"), "--requirement", lock, *COMMAND],
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        libraries = json.loads(run.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        return [f"the advisories on {lock} could not be asked: no answer within {SECONDS} s"]
    except ValueError:
        return [f"the advisories on {lock} could not be asked: {' '.join(run.stderr.split())[-200:] or 'no answer'}"]
    asked = [library for library in libraries if "skip_reason" not in library]
    found = [
        f"{library['name']} {library['version']}: {advisory['id']}, mended in {', '.join(advisory['fix_versions'])}"
        for library in asked
        for advisory in library["vulns"]
    ]
    unknown = len(libraries) - len(asked)
    if unknown:
        found.append(
            f"{unknown} of the {len(libraries)} libraries of {lock} are unknown where advisories are looked up"
        )
    return found or [f"no advisory on the {len(asked)} libraries of {lock}"]


for line in warnings(sys.argv[1]):
    print(f"audit: {line}")
