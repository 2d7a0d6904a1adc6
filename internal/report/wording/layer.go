package wording

import (
	"strconv"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// maxStep is how much of the instruction that made a layer is shown.
const maxStep = 60

// Layer says which layer of an image brought something, whose it is and what
// made it; "" for what is in no image. People count layers from 1.
func Layer(l *asset.Layer) string {
	if l == nil {
		return ""
	}
	text := "layer " + strconv.FormatInt(l.Index+1, 10)
	switch l.Origin {
	case asset.OriginBase:
		text += " of the base image"
	case asset.OriginOwn:
		text += ", yours"
	}
	if step := Step(l.CreatedBy); step != "" {
		text += ": " + Cut(Line(step), maxStep)
	}
	return text
}

// Step is an instruction of an image's history as a Dockerfile writes it.
func Step(createdBy string) string {
	step := strings.TrimSpace(createdBy)
	if _, after, ok := strings.Cut(step, "#(nop)"); ok {
		return strings.TrimSpace(after)
	}
	step = strings.TrimSuffix(step, " # buildkit")
	rest := strings.TrimPrefix(step, "RUN ")
	if i := strings.Index(rest, "/bin/sh -c "); i == 0 || i > 0 && rest[0] == '|' {
		// Before the shell stand the values of build arguments.
		return "RUN " + rest[i+len("/bin/sh -c "):]
	}
	return step
}
