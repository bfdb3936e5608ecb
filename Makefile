# SQLite's driver is C.
export CGO_ENABLED = 1

.PHONY: run build test lint

run: build
	./bin/birdcar

build:
	go build -o bin/birdcar ./cmd/birdcar

# TESTFLAGS=-v names each test.
test: lint
	go test -race $(TESTFLAGS) ./...

lint:
	@unformatted=$$(gofmt -l cmd internal web migrations); \
	test -z "$$unformatted" || { echo "gofmt -w $$unformatted"; exit 1; }
	go vet ./...
	go tool staticcheck ./...
