"""What goes with the stack, and what keeps it."""

from typing import Any
from unittest.mock import MagicMock

import pytest

from cli import local_cloud
from cli.deployment.retire import retire
from cli.services import Services
from politico.errors import InputError


def test_a_protected_stack_loses_neither_its_versions_nor_its_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    clients: dict[str, Any] = {"cloudformation": MagicMock(), "sagemaker": MagicMock()}
    clients["cloudformation"].describe_stacks.return_value = {"Stacks": [{"EnableTerminationProtection": True}]}
    session = MagicMock(client=lambda service, **_: clients[service])
    services = Services(session, None, {"Endpoint": "politico", "ModelGroup": "politico"}, "Politico-dev")
    monkeypatch.setattr(local_cloud, "stack", lambda *, local: services)
    with pytest.raises(InputError, match="--no-enable-termination-protection --stack-name Politico-dev"):
        retire(versions=True, local=False)
    assert clients["sagemaker"].mock_calls == [], "nothing was asked, and nothing deleted"
