"""Workers of a cluster's scheduler: Dask's or Ray's, or some that either starts on this machine."""

import importlib.util
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final, TypeVar

from rrgbench import __version__
from rrgbench.errors import InputError, MissingPartError, listed
from rrgbench.orphans import parallel

Shared = TypeVar("Shared")
Found = TypeVar("Found")

Spread = Callable[[Sequence[tuple[Any, ...]]], list[Found]]
"""Has workers call a function with each of several arguments; gives what it returned, in the same order."""

Cluster = Callable[
    [str | None, int | None, Callable[..., Found], Any],
    AbstractContextManager[Spread[Found]],
]
"""(scheduler, workers if it has none, function, first argument of every call) to what spreads the calls."""


@contextmanager
def on_dask(
    scheduler: str | None, workers: int | None, call: Callable[..., Found], shared: Any
) -> Iterator[Spread[Found]]:
    """Calls on the workers of a Dask scheduler, through joblib.

    Raises
    ------
    InputError
        If it does not answer, has no workers, or these have another version of rrgbench.
    """
    from distributed import Client
    from joblib import delayed, parallel_config

    try:
        if scheduler is None:
            client = Client(n_workers=workers, threads_per_worker=1, dashboard_address=None)
        else:
            client = Client(scheduler, timeout=10)
    except (OSError, TimeoutError, ValueError) as error:
        raise InputError(
            f"no Dask scheduler answers at {scheduler} ({type(error).__name__}); start one (dask scheduler) and "
            "give its address, e.g. tcp://10.0.0.5:8786"
        ) from error

    def spread(work: Sequence[tuple[Any, ...]]) -> list[Found]:
        run = parallel(workers or -1, batch_size=1, max_nbytes=None)
        return list(run(delayed(call)(shared, *one) for one in work))

    with client:
        versions = client.run(_version)
        if not versions:
            raise InputError(f"the Dask scheduler {scheduler} has no workers; start some (dask worker ADDRESS)")
        _check_versions("Dask", versions.values())
        with parallel_config(backend="dask", scatter=[shared]):
            yield spread


@contextmanager
def on_ray(
    scheduler: str | None, workers: int | None, call: Callable[..., Found], shared: Any
) -> Iterator[Spread[Found]]:
    """Calls on the workers of a Ray cluster, each of which takes one CPU of its node.

    Raises
    ------
    InputError
        If it does not answer, or rrgbench is not there in the same version.
    """
    # its reports of usage go out over the network, which nobody asked for
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray
    from ray.exceptions import RayError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    quiet: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
    try:
        if scheduler is None:
            client = ray.init("local", num_cpus=workers, include_dashboard=False, **quiet)
        else:
            _knock(scheduler)
            client = ray.init(scheduler, **quiet)
    except (OSError, RuntimeError, ValueError, RayError) as error:
        raise InputError(
            f"no Ray cluster answers at {scheduler or 'this machine'} ({type(error).__name__}); start one (ray start "
            "--head) and give its address, e.g. 10.0.0.5:6379 or ray://10.0.0.5:10001"
        ) from error
    with client:
        nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
        there = [
            ray.remote(_version).options(scheduling_strategy=NodeAffinitySchedulingStrategy(one, soft=False)).remote()
            for one in nodes
        ]
        try:
            _check_versions("Ray", ray.get(there))
        except RayError as error:
            raise InputError(
                f"Ray's workers can't load rrgbench {__version__} ({type(error).__name__}); install it on each node"
            ) from error
        # held once a node, and not sent with every call
        held, calling = ray.put(shared), ray.remote(num_cpus=1)(call)

        def spread(work: Sequence[tuple[Any, ...]]) -> list[Found]:
            found: list[Found] = ray.get([calling.remote(held, *one) for one in work])
            return found

        yield spread


CLUSTERS: Final[dict[str, tuple[Cluster[Any], str, str]]] = {
    "dask": (on_dask, "distributed", "dask.distributed"),
    "ray": (on_ray, "ray", "Ray"),
}
"""By backend: what calls on its workers, its module, and what that is called."""


def check_installed(backend: str) -> None:
    """Refuse a cluster's backend that is not installed (MissingPartError)."""
    _, module, called = CLUSTERS[backend]
    if importlib.util.find_spec(module) is None:
        raise MissingPartError(f"backend {backend} needs {called}: pip install 'rrgbench[{backend}]'")


def _knock(address: str) -> None:
    """Whether anybody listens at an address: Ray itself would try for minutes.

    Raises
    ------
    OSError, ValueError
        If nobody does, or it is no address.
    """
    if address != "auto":
        host, _, port = address.rpartition("://")[2].rpartition(":")
        socket.create_connection((host, int(port)), timeout=10).close()


def _version() -> str:
    return __version__


def _check_versions(whose: str, versions: Iterable[str]) -> None:
    if other := sorted({one for one in versions if one != __version__}):
        raise InputError(f"{whose} workers have rrgbench {listed(other)}, and {__version__} is here; install the same")
