# Two commands: `make dev` sets everything up and starts Fusion, `make test` sets everything up and runs every test.

CARGO_DENY_VERSION := 0.20.2
TOOLS := target/tools
JS := tests/js
VENV := target/python
RUST_CLIENT := tests/rust-client
# The pages inside the binary, and everything they are made of.
WEB := client-js/dist/.built
WEB_SOURCES := $(shell find client-js -type d \( -name node_modules -o -name dist \) -prune -o -type f -print)

.PHONY: dev web test bench check-web test-browser check-rust test-rust deny test-js test-apps test-full-size test-python test-rust-client

## Starts Fusion with Fusion Chat on http://127.0.0.1:3210.
dev: .cargo-present $(WEB)
	cargo run --release -p fusion-cli -- dev $(ARGS)

## Everything that must be green. Every step runs even if an earlier one failed; the exit code says whether all passed.
test:
	@bash tests/all.sh

## One benchmark, or all: `make bench`, `make bench WHICH=transfer`.
bench: $(JS)/node_modules/.installed $(WEB)
	cargo build --release -p fusion-cli -p fusion-tests --bins
	target/release/fusion-bench $(or $(WHICH),all) $(ARGS)

client-js/node_modules/.installed: client-js/package-lock.json
	@command -v node >/dev/null || { echo "Node.js 20 or newer is needed to build the pages: install it and run this again." >&2; exit 1; }
	cd client-js && npm ci --no-audit --no-fund --ignore-scripts
	touch $@

$(WEB): client-js/node_modules/.installed $(WEB_SOURCES)
	cd client-js && npm run --silent build

## The pages: widget, embed script, dashboards.
web: $(WEB)

check-web: client-js/node_modules/.installed
	cd client-js && npm run --silent check

check-rust: .cargo-present
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy -p fusion-cli --no-default-features --locked -- -D warnings

test-rust: .cargo-present
	cargo test --workspace --locked --no-fail-fast

# A crate of its own outside the workspace: the official client switches on features of serde_json that the engine must not rely on.
test-rust-client: fixture
	cargo clippy --manifest-path $(RUST_CLIENT)/Cargo.toml --target-dir target/rust-client --all-targets --locked -- -D warnings
	cargo test --manifest-path $(RUST_CLIENT)/Cargo.toml --target-dir target/rust-client --locked --no-fail-fast

# Built without optimisation, which takes a minute instead of five and checks the same.
$(TOOLS)/bin/cargo-deny-$(CARGO_DENY_VERSION): | .cargo-present
	cargo install cargo-deny@$(CARGO_DENY_VERSION) --locked --debug --no-default-features --quiet --root $(TOOLS) --target-dir target/tools-build
	mv $(TOOLS)/bin/cargo-deny $@
	rm -rf target/tools-build

deny: $(TOOLS)/bin/cargo-deny-$(CARGO_DENY_VERSION)
	$< --config .deny.toml --locked check --hide-inclusion-graph bans licenses sources

$(JS)/node_modules/.installed: $(JS)/package-lock.json
	@command -v node >/dev/null || { echo "Node.js 20 or newer is needed for the official JavaScript clients: install it and run this again." >&2; exit 1; }
	cd $(JS) && npm ci --no-audit --no-fund --ignore-scripts
	touch $@

$(VENV)/.installed: tests/python/requirements.txt
	@command -v python3 >/dev/null || { echo "Python 3.9 or newer is needed for the official Python client: install it and run this again." >&2; exit 1; }
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

.PHONY: fixture
fixture: .cargo-present $(WEB)
	cargo build -p fusion-cli -p fusion-tests --bins --locked

test-js: $(JS)/node_modules/.installed fixture
	cd $(JS) && npm test

# Whole applications, and npm components inside of small ones.
test-apps: $(JS)/node_modules/.installed fixture
	cd $(JS) && npm run test-apps

## Bad input at the size at which it hurts: bodies of 200 MB, broken files of 1 GB, bombs. `make test` has it smaller.
test-full-size: $(JS)/node_modules/.installed
	cargo build --release -p fusion-cli --bins --locked
	cd $(JS) && FUSION_BIN=$(CURDIR)/target/release npm run full-size

# The pages in a real browser.
test-browser: $(JS)/node_modules/.installed fixture
	bash tests/browser.sh
	cd $(JS) && npm run test-browser

test-python: $(VENV)/.installed fixture
	$(VENV)/bin/python -m pytest -q tests/python

.PHONY: .cargo-present
.cargo-present:
	@command -v cargo >/dev/null || { echo "Rust 1.95 or newer is needed: install it from https://rustup.rs and run this again." >&2; exit 1; }
	@command -v cc >/dev/null || { echo "A C compiler is needed to build SQLite: install gcc or clang and run this again." >&2; exit 1; }
