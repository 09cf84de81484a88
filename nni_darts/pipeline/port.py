"""Finding a port for NNI's page."""

from __future__ import annotations

import socket

from nni_darts.errors import ConfigError

PORTS = 20
"""How many ports above the wished one are tried."""


def free_port(wished: int) -> int:
    """The wished port, or the next free one above it; any free one for 0."""
    for port in range(wished, min(wished + PORTS, 65536)):
        # As NNI's server does: every address, and a port whose last connections are only just closed is free.
        both = socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if both else socket.AF_INET
        try:
            probe = socket.create_server(("", port), family=family, dualstack_ipv6=both)
        except OSError:
            continue
        with probe:
            return int(probe.getsockname()[1])
    raise ConfigError(f"--port: none of {wished} to {wished + PORTS - 1} can be used; give another port.")
