# `make demo` shows what the software does; `make test` says whether it still does it; `make ci` is all that a change must pass.
# `make laws` holds all laws to what their specs expect.
# `make test-frameworks` runs the code that designs print in PyTorch and JAX.
# `make real-data` sets designs beside tuned explicit penalties on real data.
.PHONY: demo test test-frameworks laws real-data bench fmt clippy doc deny edges ci
.DEFAULT_GOAL := test

demo:
	@bash experiments/demo.sh

test:
	@cargo nextest --version >/dev/null 2>&1 || cargo install --locked cargo-nextest
	cargo nextest run --workspace
	cargo test --workspace --doc

# The code of every design, in frameworks that are installed in the user's cache folder (PyTorch is a large download, once); some minutes.
test-frameworks:
	cargo test --workspace --no-run --quiet
	@python3 crates/design/frameworks/check.py target/debug/gaugebias $(FLAGS)

# Every law against the runs that realise it, and against those that do not; some minutes.
laws:
	cargo build --release -p gaugebias-cli
	@python3 experiments/laws/check.py target/release/gaugebias $(FLAGS)

# Designs beside vanilla models and tuned penalties, on data that Python packages ship; six minutes of one core's time.
real-data:
	cargo build --release -p gaugebias-cli
	@experiments/real-data/run target/release/gaugebias $(FLAGS)

# Against PyTorch and JAX, which are installed under the target folder; about an hour. Nothing else should run.
bench:
	cargo build --release -p gaugebias-cli
	@bench/compare

fmt:
	cargo fmt --all

clippy:
	cargo clippy --workspace --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# No advisories: that check downloads a database from outside the package registry.
deny:
	@cargo deny --version >/dev/null 2>&1 || cargo install --locked cargo-deny
	cargo deny check licenses bans sources

edges:
	@python3 .ci/crate-edges.py --self-test
	@python3 .ci/crate-edges.py

ci:
	@.ci/run
