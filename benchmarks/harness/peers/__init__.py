"""Every implementation that can be compared with, by name."""

from __future__ import annotations

from benchmarks.harness.peers import betty, generic, naslib, nni, original
from benchmarks.harness.peers.peer import Peer

PEERS: dict[str, Peer] = {module.PEER.name: module.PEER for module in (generic, nni, original, betty, naslib)}
