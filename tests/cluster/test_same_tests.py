"""A few tests of each dialect, unchanged, on the whole set-up: the same tests, another vault.

All of them: `make test-cluster`.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.parts.cluster import RunningSetUp

TOP = Path(__file__).parents[2]
CHOSEN = (
    "appmixer/test_appmixer_clients.py::test_huge_uploader[3 chunks]",
    "appmixer/test_appmixer_uploads.py::test_three_chunks",
    "appmixer/test_appmixer_uploads.py::test_one_chunk_twice_at_the_same_moment",
    "appmixer/test_appmixer_contents.py::test_ranges",
    "appmixer/test_appmixer_contents.py::test_walls",
    "arrhes/test_arrhes_day.py::test_day[None]",
    "arrhes/test_arrhes_files.py::test_create_upload_finalize",
    "arrhes/test_arrhes_files.py::test_finalize_twice_and_twice_at_once",
    "arrhes/test_arrhes_files.py::test_lists",
    "daxium/test_daxium_day.py::test_day[None]",
    "daxium/test_daxium_links.py::test_life",
    "daxium/test_daxium_links.py::test_twenty_at_once",
    "daxium/test_daxium_links.py::test_through_arrhes",
    "dynacase/test_dynacase_day.py::test_day[None]",
    "dynacase/test_dynacase_temporary.py::test_raw_file_is_held",
    "dynacase/test_dynacase_v1_files.py::test_bytes_of_level_1",
    "native/test_native_uploads.py::test_parts_in_any_order",
    "native/test_native_contents.py::test_several_ranges",
    "native/test_native_contents.py::test_replace_and_versions",
    "native/test_native_files.py::test_idempotency_key",
    "native/test_native_records.py::test_of_many_requests_for_one_file_one_gets_it",
    "s3/test_s3_door.py::test_the_put_url",
    "s3/test_s3_door.py::test_reading",
    "s3/test_s3_javascript.py::test_replays_our_urls",
    "tus/test_tus_clients.py::test_tus_js_client",
    "tus/test_tus_uploads.py::test_an_upload_in_pieces_of_any_size",
    "tus/test_tus_concatenation.py",
)


@pytest.mark.timeout(0)
def test_dialects_on_the_cluster(set_up: RunningSetUp) -> None:
    """Uploads, resumption, records, signed URLs and downloads of each dialect."""
    tests = {"CONSIGNE_TEST_VAULT": "cluster", "CONSIGNE_TEST_CLUSTER": set_up.vault.told()}
    command = [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider"]
    command += [f"tests/{each}" for each in CHOSEN]
    done = subprocess.run(
        command, cwd=TOP, env=os.environ | tests, capture_output=True, text=True, check=False,
        timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout, "one of the chosen tests is for the embedded vault alone"
