package image

import (
	"fmt"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// rebuilt is how long after its base an image is built at least, where it is not
// built in the same run. A build's own steps follow each other faster.
const rebuilt = 6 * time.Hour

// attribute tells the base image's layers from those that were put on top, and
// says how sure that is. Nothing in an image states it, so it is read off the
// history: an image ends with its CMD or ENTRYPOINT, and what comes after one
// was added by somebody who built on it; and the steps of one build follow each
// other within hours.
func (img *Image) attribute(b *asset.Build) {
	byCommand, byTime := baseByCommand(img.Config.History), baseByTime(img.Config.History)
	b.BaseCertainty = "unknown"
	switch {
	case img.base > 0:
		b.BaseLayers, b.BaseCertainty = int64(img.base), "certain"
		b.BaseEvidence = "its layers are those of " + img.baseName
	case byCommand > 0 && byCommand == byTime:
		b.BaseLayers, b.BaseCertainty = int64(byCommand), "likely"
		b.BaseEvidence = "the history goes on after a CMD or ENTRYPOINT, and was made at another time from there on"
	case byCommand > 0:
		b.BaseLayers, b.BaseCertainty = int64(byCommand), "likely"
		b.BaseEvidence = "the history goes on after a CMD or ENTRYPOINT"
	case byTime > 0:
		b.BaseLayers, b.BaseCertainty = int64(byTime), "likely"
		b.BaseEvidence = fmt.Sprintf("the history was made at another time from layer %d on", byTime)
	default:
		b.BaseEvidence = "the history shows no place where one image was built on another"
	}
	if name := img.Config.Config.Labels["org.opencontainers.image.base.name"]; name != "" {
		b.BaseEvidence += "; a label names " + name
	}
	if b.BaseLayers >= int64(len(img.Layers)) && img.base == 0 {
		// Settings alone on top of a base: all files are the base's.
		b.BaseLayers = int64(len(img.Layers))
	}
	for i := range img.Layers {
		switch {
		case b.BaseCertainty == "unknown":
		case int64(i) < b.BaseLayers:
			img.Layers[i].Origin = asset.OriginBase
		default:
			img.Layers[i].Origin = asset.OriginOwn
		}
	}
}

// BuiltOn says which layers are known to be those of a base image: as many as
// the two have in common, if the base is there as a whole.
func (img *Image) BuiltOn(base *Image) bool {
	if len(base.Layers) == 0 || len(base.Layers) > len(img.Layers) {
		return false
	}
	for i, l := range base.Layers {
		if l.DiffID == "" || l.DiffID != img.Layers[i].DiffID {
			return false
		}
	}
	img.base, img.baseName = len(base.Layers), base.Name
	return true
}

// baseByCommand counts the layers up to the last CMD or ENTRYPOINT that is
// followed by steps of another kind; 0 if there is none.
func baseByCommand(history []v1.History) int {
	end := len(history)
	for end > 0 && startsContainer(history[end-1].CreatedBy) {
		end-- // the image's own
	}
	for i := end - 1; i >= 0; i-- {
		if startsContainer(history[i].CreatedBy) && history[i].EmptyLayer {
			return layersUpTo(history, i)
		}
	}
	return 0
}

// startsContainer says whether a step of a history is a CMD or ENTRYPOINT.
func startsContainer(createdBy string) bool {
	step := strings.TrimSpace(createdBy)
	if _, after, ok := strings.Cut(step, "#(nop)"); ok {
		step = strings.TrimSpace(after)
	}
	return strings.HasPrefix(step, "CMD ") || strings.HasPrefix(step, "ENTRYPOINT ")
}

// baseByTime counts the layers before the last long pause in the history; 0 if
// there is none, or if times were not kept.
func baseByTime(history []v1.History) int {
	for i := len(history) - 1; i > 0; i-- {
		before, after := history[i-1].Created.Time, history[i].Created.Time
		if before.Unix() > 0 && after.Sub(before) >= rebuilt {
			return layersUpTo(history, i-1)
		}
	}
	return 0
}

func layersUpTo(history []v1.History, last int) int {
	n := 0
	for _, h := range history[:last+1] {
		if !h.EmptyLayer {
			n++
		}
	}
	return n
}
