// Package image reads images that other people's tools have made and real engines
// keep: skopeo, umoci, buildah, Docker, Podman and containerd, each where it is
// installed. A test whose tool is missing says so and is skipped.
package image
