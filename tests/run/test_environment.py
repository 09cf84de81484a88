from __future__ import annotations

import getpass
import json
import platform

from nni_darts.run.environment import environment


def test_names_versions_device_and_seed_but_neither_host_nor_user() -> None:
    found = environment("cpu", 3)
    assert found["packages"]["nni"] == "3.0"
    assert found["packages"]["torch"]
    assert (found["device"], found["seed"]) == ("cpu", 3)
    text = json.dumps(found)
    assert platform.node() not in text
    assert f'"{getpass.getuser()}"' not in text
