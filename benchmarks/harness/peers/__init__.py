"""Every implementation that can be compared with, by name."""

from __future__ import annotations

from benchmarks.harness.peers import betty, generic, naslib, nni, original
from benchmarks.harness.peers.peer import Peer

PEERS: dict[str, Peer] = {
    peer.name: peer
    for peer in (generic.PEER, nni.PEER, original.PEER, betty.PEER, naslib.PEER, generic.EAGER)
}

USUAL = tuple(name for name in PEERS if name != generic.EAGER.name)
"""Those to compare with unless told otherwise."""
