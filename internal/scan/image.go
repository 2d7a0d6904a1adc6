package scan

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/holdfast-sec/holdfast/internal/advisory"
	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
	"github.com/holdfast-sec/holdfast/internal/collect/image/contents"
	"github.com/holdfast-sec/holdfast/internal/collect/image/inventory"
	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/inspect/lifecycle"
	"github.com/holdfast-sec/holdfast/internal/inspect/malware"
	"github.com/holdfast-sec/holdfast/internal/inspect/secret"
	"github.com/holdfast-sec/holdfast/internal/inspect/signature"
	"github.com/holdfast-sec/holdfast/internal/inspect/vulnerability"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// Images says which images a run looks into, and how.
type Images struct {
	// Targets are references, archives and layouts.
	Targets []string
	// Named adds the images that the files of the run name.
	Named bool
	// Begin is called before the first image is read; nil for nothing.
	Begin func()
	// From and Platform say where images are looked for and which variant is
	// taken. Env is the environment: where sockets of engines are.
	From     image.Source
	Platform image.Platform
	// Asked says that the user named the platform.
	Asked bool
	Env   map[string]string
	// Bases are images that others may be built on.
	Bases []string
	// Advisories are what packages are held against, nil for none; those older
	// than MaxAge days are stale.
	Advisories *advisory.Store
	MaxAge     int
	// Policy says who may sign and build images, nil for none.
	Policy *signature.Policy
}

// images is the work on images of one run. One image is read at a time: it
// keeps all processors busy by itself, and memory stays that of one.
type images struct {
	*run
	plan  *Plan
	begin sync.Once
	one   sync.Mutex
	bases []*image.Image
	// named are the references that files name, each with where it was seen.
	named map[string]source.Place
}

// target is an image, or several in one archive, as an input.
type target struct {
	*images
	name string
	from image.Source
	// seen is where a file names it; empty for what the user named.
	seen source.Place
}

// Path implements collect.Input.
func (t *target) Path() string { return t.name }

// Read implements collect.Input. What cannot be read is told where the image is
// named.
func (t *target) Read(ctx context.Context, _ collect.Sink) {
	t.one.Lock()
	defer t.one.Unlock()
	p := t.plan.Images
	if p.Begin != nil {
		t.begin.Do(p.Begin)
	}
	opened, err := image.Open(ctx, t.name, t.from, p.Platform, p.Env)
	if err != nil {
		at := t.seen
		at.File = cmp.Or(at.File, t.name)
		t.Unread(at, err.Error())
		return
	}
	defer opened.Close()
	for _, img := range opened.Images {
		if made := platformOf(img); p.Asked && !p.Platform.Is(made) {
			t.Unread(source.Place{File: img.Name}, fmt.Sprintf("it is made for %s, and there is no variant of it for %s", made, p.Platform))
		}
		t.scan(ctx, img)
	}
}

func platformOf(img *image.Image) image.Platform {
	return image.Platform{OS: img.Config.OS, Architecture: img.Config.Architecture, Variant: img.Config.Variant}
}

// claimImages takes archives and layouts out of the tree.
func (i *images) claimImages(tree *collect.Tree) []collect.Input {
	var inputs []collect.Input
	for _, e := range tree.Unclaimed() {
		switch {
		case e.Claimed():
		case e.Path == collect.Stdin && image.IsArchive(e.Head()):
			e.Claim()
			i.Unread(source.Place{File: e.Path}, "it is an archive of images, which is not read from standard input: write it to a file, or name the image itself with holdfast scan image")
		case e.File() == "":
		case image.IsLayout(e.Path) && tree.Get(path.Join(e.Dir(), "index.json")) != nil:
			for _, part := range append(tree.Below(e.Dir()), e) {
				part.Claim()
			}
			inputs = append(inputs, &target{images: i, name: e.Dir(), from: image.Layout})
		case (e.Explicit || hasAny(e.Base(), ".tar", ".tar.gz", ".tgz", ".oci")) && image.IsArchive(e.Head()):
			e.Claim()
			inputs = append(inputs, &target{images: i, name: e.File(), from: image.Archive})
		}
	}
	return inputs
}

func hasAny(name string, suffixes ...string) bool {
	return slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(name, s) })
}

// targets are the images that the user named.
func (i *images) targets() []collect.Input {
	var inputs []collect.Input
	for _, name := range i.plan.Images.Targets {
		inputs = append(inputs, &target{images: i, name: name, from: i.plan.Images.From})
	}
	return inputs
}

// note remembers the images that an asset names.
func (i *images) note(a asset.Asset) {
	switch a := a.(type) {
	case *asset.Pod:
		for _, c := range a.Containers {
			i.note(c)
		}
	case *asset.Container:
		i.noteRef(a.Image, a, "image")
	case *asset.Image:
		if a.Format == asset.Dockerfile && !a.Scratch {
			i.noteRef(a.Base, a, "base")
		}
	}
}

func (i *images) noteRef(ref asset.ImageRef, a asset.Asset, field string) {
	text := strings.TrimSpace(ref.Text)
	if text == "" || strings.ContainsAny(text, "${}<> ") {
		return // its name is not known before it is deployed
	}
	at, _ := a.Locate(field)
	i.mu.Lock()
	defer i.mu.Unlock()
	if first, ok := i.named[text]; !ok || at.Compare(first) < 0 {
		i.named[text] = at
	}
}

// namedTargets are the images that files named, in order.
func (i *images) namedTargets() []collect.Input {
	var inputs []collect.Input
	for name, at := range i.named {
		inputs = append(inputs, &target{images: i, name: name, from: i.plan.Images.From, seen: at})
	}
	slices.SortFunc(inputs, func(a, b collect.Input) int { return cmp.Compare(a.Path(), b.Path()) })
	return inputs
}

// openBases opens the images that others may be built on.
func (i *images) openBases(ctx context.Context) (closeAll func()) {
	var opened []*image.Opened
	for _, name := range i.plan.Images.Bases {
		o, err := image.Open(ctx, name, image.Anywhere, i.plan.Images.Platform, i.plan.Images.Env)
		if err != nil {
			i.Unread(source.Place{File: name}, "the base image cannot be read: "+err.Error())
			continue
		}
		opened = append(opened, o)
		i.bases = append(i.bases, o.Images...)
	}
	return func() {
		for _, o := range opened {
			o.Close() //nolint:errcheck // it was only read
		}
	}
}

// findBase looks for the base image among those that the user named. That none of
// them is below an image that the user named too is told: it is a mistake there.
func (i *images) findBase(img *image.Image) {
	var others []string
	for _, base := range i.bases {
		if base.Name == img.Name {
			continue
		}
		if img.BuiltOn(base) {
			return
		}
		others = append(others, base.Name)
	}
	if len(others) == 0 || !slices.Contains(i.plan.Images.Targets, img.Name) {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.result.Notes = append(i.result.Notes, finding.Note{File: img.Name,
		Message: fmt.Sprintf("its first layers are not those of %s, which it was said to be built on: what it brought itself is guessed from the history", strings.Join(others, " or "))})
}

// scan looks into one image: one pass over its layers, then what follows of it.
func (i *images) scan(ctx context.Context, img *image.Image) {
	i.prepare(img)
	a := img.Asset()
	packages, content, files := inventory.New(), contents.New(), &suspects{}
	analysers := []image.Analyser{packages, content, &secrets{files, secret.NewScanner()}, &signs{files, malware.New()}}
	for _, p := range img.Walk(ctx, analysers) {
		i.Unread(place(img, p.Path), p.Reason)
	}
	found := packages.Finish()
	a.Build.Distro, a.Build.Runtimes = found.Distro, found.Runtimes
	a.Build.Contents = content.Finish(a.Build.Layers)
	a.Build.Runtimes = append(a.Build.Runtimes, toolchains(found.Packages)...)
	lifecycle.Judge(a, i.plan.Today)
	i.missing(img, &found)
	i.vulnerabilities(img, found.Packages)
	Provenance(ctx, i.plan.Images.Policy, img.Name, i.plan.Images.Platform.String(), a)
	suspects := files.finish(&found)
	if files.untold > 0 {
		i.Unread(place(img, ""), fmt.Sprintf("credentials or signs of malware are in more than %d files: those in %d more are not told", maxSuspects, files.untold))
	}
	i.tell(img, a, &found, suspects)
}

// prepare compares the image with the base images that the user named, and masks
// what its history gives away: findings repeat it.
func (i *images) prepare(img *image.Image) {
	i.findBase(img)
	for k := range img.Layers {
		l := &img.Layers[k]
		l.CreatedBy = secret.Redact(l.CreatedBy)
	}
}

// missing tells of packages that must be there and cannot be told: an image
// without any is not the same as one without flaws.
func (i *images) missing(img *image.Image, found *inventory.Result) {
	for _, l := range found.Lost {
		i.Unread(place(img, l.Path), fmt.Sprintf("a layer deletes this package database: the %s that it listed cannot be told any more from what is there",
			countOf(l.Packages, "package")))
	}
	installed := slices.ContainsFunc(found.Packages, func(p *asset.Package) bool {
		return slices.Contains([]string{"deb", "apk", "rpm", "alpm"}, p.Type)
	})
	switch {
	case img.Config.OS == "windows":
		i.Unread(source.Place{File: img.Name}, "it is made for Windows: what is installed in it cannot be told, only packages of languages")
	case found.Distro.ID != "" && !installed && len(found.Lost) == 0:
		i.Unread(source.Place{File: img.Name}, fmt.Sprintf("it is made of %s and has no package database: what is installed in it cannot be told", found.Distro.Name))
	}
}

// toolchains are the releases of Go that programs in an image were built with:
// what is linked from one gets fixes as long as it does.
func toolchains(packages []*asset.Package) []asset.Runtime {
	var out []asset.Runtime
	for _, p := range packages {
		if p.Type != "golang" || p.Name != "stdlib" || p.Owner != "" {
			continue
		}
		if !slices.ContainsFunc(out, func(r asset.Runtime) bool { return r.Version == p.Version }) {
			out = append(out, asset.Runtime{Name: "go", Version: p.Version, Path: p.Binary})
		}
	}
	return out
}

// tell hands over what was found in an image.
func (i *images) tell(img *image.Image, a *asset.Image, found *inventory.Result, files []suspect) {
	id := identity(img)
	a.ID = id
	i.Asset(a)
	for _, p := range found.Packages {
		p.ID, p.Place.File = id+"!"+p.ID, img.Name
		if p.Binary != "" {
			p.Head.Name += " in " + p.Binary
		}
		if len(p.Paths) > 0 {
			p.Fields = append(p.Fields, asset.Field{Place: place(img, p.Paths[0])})
		}
		i.Asset(p)
	}
	for _, f := range files {
		f.ID, f.Place.File = id+"!"+f.Path, img.Name
		f.locate(place(img, f.Path))
		i.Asset(f.File)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.result.Images = append(i.result.Images, finding.Image{File: img.Name, Name: repository(img.Ref), Tag: img.Ref.Tag,
		Digest: img.Digest, ConfigDigest: img.ConfigDigest})
	i.result.Stats.Images++
	i.result.Stats.Packages += len(found.Packages)
	i.result.Inventories = append(i.result.Inventories, finding.Inventory{Image: a, Packages: found.Packages})
}

// identity is what stays of an image's name from one build to the next: its
// repository. What is known of app:1 has to be known of app:2, wherever it lies.
func identity(img *image.Image) string { return cmp.Or(repository(img.Ref), img.Name) }

// repository is where a reference leads, "" where it does not say.
func repository(ref asset.ImageRef) string {
	if ref.Repository == "" {
		return ""
	}
	return ref.Registry + "/" + ref.Repository
}

// place is a file of an image: "IMAGE:/path", as docker cp names one.
func place(img *image.Image, file string) source.Place {
	if file == "" {
		return source.Place{File: img.Name}
	}
	return source.Place{File: img.Name + ":/" + strings.TrimPrefix(file, "/")}
}

// vulnerabilities holds the packages against the advisories, and tells what
// could not be judged: it is not the same as having no flaw.
func (i *images) vulnerabilities(img *image.Image, packages []*asset.Package) {
	if !i.plan.Rules.judges("vulnerable-package") {
		return
	}
	p := i.plan.Images
	report := vulnerability.Match(vulnerability.Advisories(p.Advisories), packages, vulnerability.Options{
		Now: i.plan.now(), MaxAge: time.Duration(p.MaxAge) * 24 * time.Hour, OS: img.Config.OS, Arch: cmp.Or(img.Config.Architecture, runtime.GOARCH),
	})
	for _, u := range report.Unjudged {
		names := strings.Join(u.Names, ", ")
		if u.Packages > len(u.Names) {
			names += ", ..."
		}
		i.Unread(source.Place{File: img.Name}, fmt.Sprintf("%s (%s) not judged for vulnerabilities: %s",
			countOf(u.Packages, u.Ecosystem+" package"), names, u.Reason))
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, s := range report.Sources {
		i.result.Advisories = append(i.result.Advisories, finding.Advisories{Ecosystem: s.Ecosystem, Date: s.Date, Count: s.Advisories})
	}
}

func countOf(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
