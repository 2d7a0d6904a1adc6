# The commands of this project. CI runs `make test`, as README.md says.

GO      ?= go
CORPUS  ?= examples
FUZZTIME ?= 30s

# The race detector needs a C compiler; without one the tests run without it.
RACE := $(if $(shell command -v $${CC:-gcc} 2>/dev/null),-race,)
ifneq ($(RACE),)
export CGO_ENABLED = 1
endif

.PHONY: build test oracle bench bench-image fuzz lint generate clean

## build: the static binary ./holdfast
build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w" -o holdfast ./cmd/holdfast

## test: everything that has to hold before a change lands
test: vet unit oracle

.PHONY: vet unit
vet:
	@test -z "$$(gofmt -l cmd internal rules test)" || { echo "gofmt would change:"; gofmt -l cmd internal rules test; exit 1; }
	$(GO) vet ./...

unit:
	$(GO) test $(RACE) ./...

# The RBAC authorizer of Kubernetes itself, in a module of its own: it is heavy,
# and nothing of it belongs into the program.
oracle:
	cd test/rbacoracle && $(GO) test ./...

## bench: benchmarks of the hot paths, then a comparison with the peers on PATH
bench: build
	$(GO) test -run '^$$' -bench . -benchmem ./internal/...
	HOLDFAST=./holdfast sh test/bench/compare.sh $(CORPUS)

## bench-image: the scan of images beside the peers on PATH; builds the images, as root
bench-image: build
	HOLDFAST=./holdfast sh test/bench/image.sh $(IMAGES)

## fuzz: every fuzz target for FUZZTIME each
fuzz:
	sh test/fuzz.sh $(FUZZTIME)

## lint: the linters that mean something here (golangci-lint on PATH)
lint:
	golangci-lint run ./...

## generate: rewrite golden files, schemas and reference pages
generate:
	$(GO) test $$(grep -rlF 'flag.Bool("update"' --include='*_test.go' internal test | grep -v rbacoracle | xargs -n 1 dirname | sort -u | sed 's,^,./,') -update

clean:
	rm -rf holdfast dist
