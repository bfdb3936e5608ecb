# SQLite's driver is C. Without these flags for SQLite all works as well, but slower.
# In a transaction it journals statements that may fail halfway, in memory that it takes 64 KB
# at a time and gives back to the system after each: the first lets it take what it needs.
# It waits for the disk with fsync(2), which also waits for the file's times: fdatasync(2), of the
# second, waits for all that is needed to read the file again. SQLite's own build sets it wherever
# there is one.
export CGO_ENABLED = 1
export CGO_CFLAGS ?= -g -O2 -DSQLITE_STMTJRNL_SPILL=-1 -DHAVE_FDATASYNC=1

.PHONY: run build test torture lint bench capacity

run: build
	./bin/birdcar

build:
	go build -o bin/birdcar ./cmd/birdcar

# TESTFLAGS=-v names each test.
# internal/outbox runs in bubbles of synctest, in which the race detector now and
# then fails a check of its own (golang/go#78156). What it does is raced all the same, in the
# torture test, which builds the real program with the race detector.
test: lint
	go test -race -timeout 30m $(TESTFLAGS) $$(go list ./... | grep -v /internal/outbox$$)
	go test $(TESTFLAGS) ./internal/outbox
	TEST_ENGINE=postgres go test $(TESTFLAGS) ./internal/server

# The tests that try to break the promises, in their long form: thirty kills, a
# million operations. Takes some minutes.
torture:
	TORTURE=1 go test -count=1 -timeout 60m -v -run 'Torture|Routing' ./cmd/birdcar ./internal/exchange

lint:
	@unformatted=$$(gofmt -l cmd internal web migrations); \
	test -z "$$unformatted" || { echo "gofmt -w $$unformatted"; exit 1; }
	go vet ./...
	go tool staticcheck ./...

# BENCHFLAGS="-postgres URL" measures PostgreSQL too; its user must be allowed to create databases.
bench: build
	go build -o bin/bench-birdcar ./cmd/bench
	./bin/bench-birdcar -out web/doc $(BENCHFLAGS)

# What a day of ten million rides needs; CAPACITYFLAGS=-h lists the assumptions.
capacity:
	@go run ./cmd/capacity $(CAPACITYFLAGS)
