"""What the agents of the tests hold besides what a build checks out, and what stands in the place of `make`."""

import shlex
import sys
from pathlib import Path

# What an agent's image holds: the installed libraries, beside the checked out code. Never the real .venv itself: that
# is an editable installation of this repository, and a set-up would change it.
_IMAGE = """
mkdir -p .venv/bin
for tool in ruff mypy lint-imports; do ln -sf {tools}/$tool .venv/bin/$tool; done
printf '#!/bin/sh\\nPYTHONPATH=%s exec %s "$@"\\n' "$PWD" {python} > .venv/bin/python
printf '#!/bin/sh\\nexec "%s/.venv/bin/python" -m weighbridge.cli.main "$@"\\n' "$PWD" > .venv/bin/weighbridge
chmod +x .venv/bin/python .venv/bin/weighbridge
touch .venv/.ready-dev .venv/.ready-run
"""

MAKE = """#!/bin/sh
# In the place of make: records linting and testing, which are not what these tests are about, and makes the rest.
for target in lint test test-slow; do
    case " $1 " in *" $target "*)
        case " $REAL_MAKE " in *" $target "*) break ;; esac
        echo "$@" >> {calls}
        echo "<testsuite><testcase classname='substitute' name='make $target'/></testsuite>" > tests.xml
        exit 0 ;;
    esac
done
exec {make} "$@"
"""


def image() -> str:
    """The command that brings what an agent's image would hold."""
    return _IMAGE.format(python=shlex.quote(sys.executable), tools=shlex.quote(str(Path(sys.executable).parent)))
