"""The optimizers: each parameter has one, Muon's steps are orthogonal as GPT-2's matrices lie, and both go on after a stop."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from politico.errors import LimitError
from politico.models.settings import LearningSettings, NetworkSettings
from training.loop.network import build_network
from training.loop.optimizers import Muon, dealt_out, make_optimizers, orthogonal


def network() -> torch.nn.Module:
    built: torch.nn.Module = build_network(NetworkSettings(layers=2, width=32, heads=4, positions=16), 50, 0, 7)
    return built


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_every_parameter_has_one_optimizer(optimizer: str) -> None:
    net = network()
    taken = [one for group in make_optimizers(net, LearningSettings(optimizer=optimizer)).param_groups for one in group["params"]]
    assert len(taken) == len({id(one) for one in taken}) == len(list(net.parameters()))


def test_muon_takes_the_matrices_of_the_blocks_and_neither_embeddings_nor_what_is_no_matrix() -> None:
    net = network()
    by_muon, *rest = make_optimizers(net, LearningSettings()).param_groups
    blocks = {id(one) for name, one in net.named_parameters() if ".h." in name and one.dim() == 2}
    assert {id(one) for one in by_muon["params"]} == blocks
    assert len(blocks) == 8
    assert by_muon["lr"] == LearningSettings().muon_rate
    assert {group["lr"] for group in rest} == {LearningSettings().learning_rate}


def test_an_optimizer_that_does_not_exist_is_refused() -> None:
    with pytest.raises(LimitError, match="optimizer is 'sgd'; it takes muon or adamw"):
        LearningSettings(optimizer="sgd")


@pytest.mark.parametrize("shape", [(32, 32), (32, 128), (128, 32)])
def test_a_matrix_is_made_orthogonal_and_as_long_as_its_outputs_need(shape: tuple[int, int]) -> None:
    torch.manual_seed(1)
    inputs, outputs = shape
    sizes = torch.linalg.svdvals(orthogonal(torch.randn(shape))) / max(1.0, outputs / inputs) ** 0.5
    assert float(sizes.min()) > 0.6
    assert float(sizes.max()) < 1.3


def test_queries_keys_and_values_are_stepped_as_three_matrices() -> None:
    torch.manual_seed(2)
    gradient = torch.randn(16, 48)
    matrix = torch.nn.Parameter(torch.zeros(16, 48))
    matrix.grad = gradient.clone()
    Muon([matrix], rate=1.0, decay=0.0).step()
    for part, of in zip(matrix.detach().chunk(3, 1), gradient.chunk(3, 1), strict=True):
        torch.testing.assert_close(part, -orthogonal(of), atol=1e-5, rtol=1e-4)


@given(st.lists(st.integers(1, 1000)), st.integers(1, 9))
def test_each_matrix_is_made_orthogonal_by_one_process_and_none_has_much_more_to_do(costs: list[int], workers: int) -> None:
    shares = dealt_out(costs, workers)
    assert len(shares) == workers
    assert sorted(number for share in shares for number in share) == list(range(len(costs)))
    loads = [sum(costs[number] for number in share) for share in shares]
    assert max(loads) - min(loads) <= max(costs, default=0)


def test_a_share_of_every_rate_is_used_and_the_rates_are_not_lost() -> None:
    optimizers = make_optimizers(network(), LearningSettings())
    rates = [group["lr"] for group in optimizers.param_groups]
    for share in (0.5, 0.1, 1.0):
        optimizers.set_share(share)
        assert [group["lr"] for group in optimizers.param_groups] == [rate * share for rate in rates]


def test_states_of_both_go_on_where_they_were(tmp_path: Path) -> None:
    def step(net: torch.nn.Module, optimizers: object, number: int) -> None:
        torch.manual_seed(number)
        ids = torch.randint(0, 50, (4, 16))
        net(input_ids=ids, labels=ids).loss.backward()
        optimizers.step()  # type: ignore[attr-defined]
        optimizers.zero_grad()  # type: ignore[attr-defined]

    whole, part = network(), network()
    all_of_it, first_half = make_optimizers(whole, LearningSettings()), make_optimizers(part, LearningSettings())
    for number in range(4):
        step(whole, all_of_it, number)
    for number in range(2):
        step(part, first_half, number)
    torch.save([part.state_dict(), first_half.state_dict()], tmp_path / "half.pt")
    weights, state = torch.load(tmp_path / "half.pt", weights_only=True)
    resumed = network()
    resumed.load_state_dict(weights)
    second_half = make_optimizers(resumed, LearningSettings())
    second_half.load_state_dict(state)
    for number in range(2, 4):
        step(resumed, second_half, number)
    assert all(torch.equal(one, other) for one, other in zip(whole.parameters(), resumed.parameters(), strict=True))
