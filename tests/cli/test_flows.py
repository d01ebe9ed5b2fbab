"""What the flows bring into the lake: a base model as SageMaker's jobs unpack it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cli.flows import upload_base
from inference.model import load_model
from inference.rules.lexicon import write_words
from politico.lake.bucket import Lake
from tests.support.models import micro_model
from training.folders import open_model


class _Store:
    """S3 as far as an upload goes."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], bytes] = {}

    def put_object(self, **given: Any) -> None:
        self.held[given["Bucket"], given["Key"]] = given["Body"]


def test_a_base_goes_up_packed_and_comes_out_as_it_was(tmp_path: Path) -> None:
    store = _Store()
    services: Any = SimpleNamespace(client=lambda name: store, lake=Lake(None, "lake"))
    base = micro_model(tmp_path / "base")
    write_words(base, ["hoy"])
    address = upload_base(services, base, "es")
    assert address == "s3://lake/bases/es/model.tar.gz"
    (tmp_path / "model.tar.gz").write_bytes(store.held["lake", "bases/es/model.tar.gz"])
    came, went = open_model(tmp_path), load_model(base)
    assert came.card == went.card
    assert came.words == went.words == {"hoy"}
    for name, weights in went.network.state_dict().items():
        assert weights.equal(came.network.state_dict()[name])
