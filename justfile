# The menu. Anything with logic is Rust in xtask/; `.ci/run` runs the same commands.

# Show this menu
default:
    @just --list

# Run velox from source on data under target/dev; arguments go to velox
dev *args:
    cargo xtask dev {{args}}

# PostgreSQL, Redis, Kafka and a Schema Registry on this machine: up, down, status, logs, reset
stack *args:
    cargo xtask stack {{args}}

# Format, lints, layers, generated files, unit tests
quick:
    cargo xtask test --quick

# What the build server runs
test:
    cargo xtask test

# Everything, with long campaigns
full:
    cargo xtask test --full

# Break gateways, network and database while clients trade; then the books must agree
chaos *args:
    cargo xtask chaos {{args}}

# Check that dependencies between the crates point inward
layers:
    cargo xtask layers

# Write the generated documents and schemas
codegen:
    cargo xtask codegen

# Measure and save the figures; names of benches may follow
bench *args:
    cargo xtask bench {{args}}

# A throw-away PostgreSQL for a command, or until ctrl-c
postgres *args:
    cargo xtask postgres {{args}}

# A throw-away Redis for a command, or until ctrl-c
redis *args:
    cargo xtask redis {{args}}

# A throw-away Kafka for a command, or until ctrl-c
kafka *args:
    cargo xtask kafka {{args}}

# Licences, banned and doubled packages, sources (needs cargo-deny)
deny:
    cargo deny check bans licenses sources

# Format the code
fmt:
    cargo fmt --all
