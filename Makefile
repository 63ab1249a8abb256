# Everything here works on a machine with Python 3.11+, make and a C library; all else is installed into .venv.
PYTHON_IN_VENV := .venv/bin/python

.PHONY: help run test check bench lock clean venv

help:  ## say what there is
	@echo "make run     the API on http://127.0.0.1:8000 with its database, queue and workers; Ctrl-C stops all"
	@echo "make test    every test and gate; ARGS='-k name' is passed on to pytest"
	@echo "make check   the fast gates only"
	@echo "make bench   what a request costs, against a bare Flask route and PostgreSQL's own limit; two minutes"
	@echo "make lock    compile requirements/*.txt from setup.cfg; UPGRADE=1 takes newer versions"
	@echo "make clean   delete the development data and what tools keep; .venv stays"

venv:
	@sh requirements/venv.sh

run: venv  ## serve
	@exec $(PYTHON_IN_VENV) -m app.embedded

test: venv  ## run everything
	@exec $(PYTHON_IN_VENV) -m pytest $(ARGS)

check: venv  ## run the fast gates
	$(PYTHON_IN_VENV) -m ci run --fast

bench: venv  ## measure
	@exec $(PYTHON_IN_VENV) -m bench $(ARGS)

lock: venv  ## pin
	@sh requirements/lock.sh

clean:  ## delete data and caches
	@if [ -x $(PYTHON_IN_VENV) ] && [ -d var ]; then $(PYTHON_IN_VENV) -m app.embedded clean; fi
	rm -rf build dist *.egg-info .coverage .coverage.* htmlcov .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
