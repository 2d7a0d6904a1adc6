package image

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/collect/script"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// The bounds on what one configuration may declare; real ones declare some
// dozens of each.
const (
	maxHistory  = 10_000
	maxDeclared = 10_000
)

// fromConfig reads the image that a configuration declares, with the instructions
// that its history tells of. Who the image is (id, name, place, reference,
// digests) is up to the caller.
func fromConfig(cfg *v1.ConfigFile) asset.Image {
	c := &cfg.Config
	img := asset.Image{
		Head:    asset.Head{Kind: asset.KindImage, Format: asset.Built},
		User:    configUser(cfg.OS, c.User),
		Labels:  map[string]string{},
		Workdir: c.WorkingDir, Entrypoint: c.Entrypoint, Cmd: c.Cmd,
		Healthcheck: healthcheck(c.Healthcheck),
		Volumes:     slices.Sorted(maps.Keys(c.Volumes)),
	}
	for _, pair := range bounded(c.Env) {
		name, value, _ := strings.Cut(pair, "=")
		img.Env = append(img.Env, asset.EnvVar{Name: name, Value: value, Source: "literal"})
	}
	for _, name := range bounded(slices.Sorted(maps.Keys(c.Labels))) {
		img.Labels[name] = c.Labels[name]
	}
	for _, port := range bounded(slices.Collect(maps.Keys(c.ExposedPorts))) {
		img.Ports = append(img.Ports, collect.ParsePorts(port)...)
	}
	slices.SortFunc(img.Ports, func(a, b asset.ExposedPort) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), strings.Compare(a.Protocol, b.Protocol))
	})
	h := &historian{config: c, os: cfg.OS, image: &img}
	h.read(cfg.History, len(cfg.RootFS.DiffIDs))
	h.complete()
	return img
}

func bounded(list []string) []string { return list[:min(len(list), maxDeclared)] }

// configUser is who the image runs as. An image that does not say runs as root.
func configUser(os, text string) asset.User {
	u := collect.ParseUser(text)
	if text == "" && os != "windows" {
		u.UID, u.Root = 0, true
	}
	return u
}

func healthcheck(h *v1.HealthConfig) string {
	switch {
	case h == nil || len(h.Test) == 0:
		return ""
	case h.Test[0] == "NONE":
		return "NONE"
	}
	return "CMD"
}

// historian writes the instructions of an image from its history, and what the
// configuration declares without the history telling of it.
type historian struct {
	config   *v1.Config
	os       string
	image    *asset.Image
	user     asset.User // that holds at the point that is read
	commands int
	onbuild  []string // that are seen, as written
}

// read writes the instructions of the history. layers is how many layers there
// are: where the history tells of another number, nobody knows which is whose.
func (h *historian) read(history []v1.History, layers int) {
	h.user = configUser(h.os, "")
	if len(history) > maxHistory {
		h.unknown("instructions", "the history has more entries than are read")
		history = history[:maxHistory]
	}
	made := 0
	for _, entry := range history {
		if !entry.EmptyLayer {
			made++
		}
	}
	next := int64(0)
	for _, entry := range history {
		layer := int64(-1)
		if !entry.EmptyLayer {
			if made == layers {
				layer = next
			}
			next++
		}
		h.add(entry.CreatedBy, layer)
	}
	h.overridden("CMD", h.config.Cmd)
	h.overridden("ENTRYPOINT", h.config.Entrypoint)
	if i := h.last("HEALTHCHECK"); i >= 0 {
		h.image.Instructions[i].Shipped = true
		h.healthcheck(i)
	}
}

// overridden marks the instructions that do not say what the configuration says:
// a later one replaces an earlier one, and an entry point does away with the
// command of what it is built on.
func (h *historian) overridden(keyword string, holds []string) {
	if i := h.last(keyword); i >= 0 && h.image.Instructions[i].Text == execForm(holds) {
		h.image.Instructions[i].Shipped = true
	}
}

// last marks all instructions of a kind as not shipped and returns the index of
// the last one, -1 if there is none.
func (h *historian) last(keyword string) int {
	last := -1
	for i := range h.image.Instructions {
		if in := &h.image.Instructions[i]; in.Cmd == keyword && !in.Onbuild {
			in.Shipped, last = false, i
		}
	}
	return last
}

func (h *historian) unknown(path, reason string) {
	h.image.Unknown = append(h.image.Unknown, asset.Unknown{Path: path, Reason: reason})
}

// complete adds instructions for what the configuration declares and the history
// does not tell, as builders that write none and squashed images do. Rules about
// instructions then judge every image.
func (h *historian) complete() {
	env, labels := map[string]bool{}, map[string]bool{}
	seen := map[string]bool{}
	for i := range h.image.Instructions {
		in := &h.image.Instructions[i]
		seen[in.Cmd] = seen[in.Cmd] || in.Shipped && !in.Onbuild
		for _, p := range in.Pairs {
			switch in.Cmd {
			case "ENV":
				env[p.Name+"="+p.Value] = true
			case "LABEL":
				labels[p.Name+"="+p.Value] = true
			}
		}
	}
	for _, e := range h.image.Env {
		if !env[e.Name+"="+e.Value] {
			h.declare(asset.Instruction{Cmd: "ENV", Text: e.Name + "=" + e.Value, Pairs: []asset.EnvVar{e}})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(h.image.Labels)) {
		if text := name + "=" + h.image.Labels[name]; !labels[text] {
			pair := asset.EnvVar{Name: name, Value: h.image.Labels[name], Source: "literal"}
			h.declare(asset.Instruction{Cmd: "LABEL", Text: text, Pairs: []asset.EnvVar{pair}})
		}
	}
	for _, start := range []struct {
		keyword string
		words   []string
	}{{"ENTRYPOINT", h.config.Entrypoint}, {"CMD", h.config.Cmd}} {
		if len(start.words) > 0 && !seen[start.keyword] {
			h.exec(h.declare(asset.Instruction{Cmd: start.keyword, Text: execForm(start.words)}), start.words)
		}
	}
	if h.image.Healthcheck != "" && !seen["HEALTHCHECK"] {
		h.healthcheck(h.declare(asset.Instruction{Cmd: "HEALTHCHECK", Text: h.image.Healthcheck}))
	}
	for _, text := range bounded(h.config.OnBuild) {
		if !slices.Contains(h.onbuild, text) {
			h.add("ONBUILD "+text, -1)
		}
	}
}

// declare adds an instruction that the configuration stands for.
func (h *historian) declare(in asset.Instruction) int {
	in.Shipped, in.Layer, in.User = true, -1, h.user
	h.image.Instructions = append(h.image.Instructions, in)
	return len(h.image.Instructions) - 1
}

// splitter splits the scripts of one instruction and keeps their commands.
func (h *historian) splitter(in int) *script.Splitter {
	return &script.Splitter{Add: func(c asset.Command, _ source.Place) string {
		if h.commands++; h.commands > script.MaxCommands {
			return "the history has more commands than are judged"
		}
		commands := &h.image.Instructions[in].Commands
		*commands = append(*commands, c)
		return ""
	}}
}
