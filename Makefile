# The names of the tasks; what they do stands in ./run, ./test and scripts/.
.PHONY: run test setup lint format coverage console reference bench soak lock clean

run:       ; @./run
test:      ; @./test
setup:     ; @scripts/setup
lint:      ; @scripts/setup --dev && scripts/lint
format:    ; @scripts/setup --dev && .venv/bin/ruff check --fix . && .venv/bin/ruff format .
coverage:  ; @scripts/setup --dev && .venv/bin/python scripts/coverage.py
reference: ; @scripts/setup --dev && .venv/bin/python scripts/reference.py
console:   ; @scripts/setup --dev && scripts/parts && scripts/console
bench:     ; @scripts/setup --dev && .venv/bin/python -m bench $(ARGS)
soak:      ; @scripts/setup --dev && scripts/parts && SOAK_ROUNDS=$${SOAK_ROUNDS:-200} .venv/bin/python -m pytest -n 0 --timeout 0 tests/soak
.PHONY: cluster test-cluster soak-cluster
# PostgreSQL, SeaweedFS, two servers, two workers and nginx on loopback, and the dialects' tests on it.
cluster:   ; @scripts/setup --dev && scripts/parts && exec .venv/bin/python -m tests.parts.cluster
test-cluster: ; @scripts/setup --dev && scripts/parts && exec scripts/test-cluster $(ARGS)
soak-cluster: ; @scripts/setup --dev && scripts/parts && SOAK_ROUNDS=$${SOAK_ROUNDS:-20} .venv/bin/python -m pytest -n 0 --timeout 0 tests/cluster
# What is locked now may contradict what pyproject.toml asks for: only a Python is needed.
lock:      ; @[ -x .venv/bin/python ] || scripts/setup; scripts/lock
clean:     ; @rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
