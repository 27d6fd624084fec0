"""How many threads a process uses for linear algebra."""

import scipy.linalg  # noqa: F401 – loads the libraries
from threadpoolctl import threadpool_info


def test_a_process_does_linear_algebra_in_one_thread() -> None:
    pools = {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}
    assert set(pools.values()) == {1}, pools
