package inventory

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/google/osv-scalibr/purl"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// Result is what an image carries.
type Result struct {
	// Packages are sorted by type, name, version and path.
	Packages []*asset.Package
	Distro   asset.Distro
	Runtimes []asset.Runtime
	// Lost are package databases that a layer deleted: the packages that they
	// listed may still be there and cannot be told any more.
	Lost []Lost

	owned *ownership
}

// Lost is a package database that was deleted.
type Lost struct {
	Path string
	// Layer is the newest layer that still held it, Packages how many it listed.
	Layer    asset.Layer
	Packages int
}

// Owner returns the distribution's package that brought the file at a path of
// the image, absolute or relative, and the digest that the package recorded of
// it. It may be asked by several at the same time.
func (r *Result) Owner(path string) (pkg string, sum Sum, ok bool) {
	return r.owned.find(path)
}

// Finish puts together what was found. The inventory must not be used any more.
func (inv *Inventory) Finish() Result {
	inv.owned.seal()
	all := append(inv.installed(), inv.found...)
	all = dropLocked(all)
	release := inv.release()
	for i := range all {
		inv.complete(&all[i], release)
	}
	packages := merge(all)
	return Result{
		Packages: packages, Distro: release.distro(), Runtimes: inv.finishRuntimes(packages), Lost: inv.lost(),
		owned: &inv.owned,
	}
}

// dropLocked leaves out what lock files name where the packages themselves are
// there to be asked: below the folder of the lock file, or anywhere for gems,
// which are installed apart.
func dropLocked(all []found) []found {
	dirs := map[[2]string]bool{} // type and folder of an installed package, and all folders above
	for i := range all {
		if f := &all[i]; !f.locked {
			for dir := folder(f.path); ; dir = folder(dir) {
				if key := [2]string{f.Type, dir}; !dirs[key] {
					dirs[key] = true
				} else {
					break
				}
				if dir == "" {
					break
				}
			}
		}
	}
	return slices.DeleteFunc(all, func(f found) bool {
		if !f.locked {
			return false
		}
		dir := f.lock
		if f.Type == "gem" {
			dir = ""
		}
		return dirs[[2]string{f.Type, dir}]
	})
}

// complete fills what only the whole image tells.
func (inv *Inventory) complete(f *found, r release) {
	f.Layer = *f.layer
	if f.Paths == nil {
		f.Paths = []string{"/" + f.path}
	}
	switch f.Type {
	case "deb":
		if f.Licenses == nil {
			f.Licenses = inv.licenses[f.Name]
		}
		fallthrough
	case "apk", "rpm", "alpm":
		f.Ecosystem = r.ecosystem(f.Type)
	default:
		f.Ecosystem = languages[f.Type]
		f.Owner, _, _ = inv.owned.find(f.path)
	}
	f.PURL = packageURL(&f.Package, r)
}

// merge makes one package of all places that tell of the same one in the same
// layer, binary and ownership.
func merge(all []found) []*asset.Package {
	slices.SortFunc(all, func(a, b found) int {
		return cmp.Or(
			strings.Compare(a.Type, b.Type), strings.Compare(a.Name, b.Name), strings.Compare(a.Version, b.Version),
			strings.Compare(a.Arch, b.Arch), strings.Compare(a.Binary, b.Binary), cmp.Compare(a.Layer.Index, b.Layer.Index),
			strings.Compare(a.Owner, b.Owner), strings.Compare(b.Source, a.Source), // the one that knows its source first
			strings.Compare(a.Paths[0], b.Paths[0]), slices.Compare(a.Licenses, b.Licenses),
		)
	})
	packages := make([]*asset.Package, 0, len(all))
	for i := range all {
		p := &all[i].Package
		if n := len(packages); n > 0 && same(packages[n-1], p) {
			into := packages[n-1]
			for _, path := range p.Paths {
				if !slices.Contains(into.Paths[max(0, len(into.Paths)-1):], path) {
					into.Paths = append(into.Paths, path)
				}
			}
			if len(into.Licenses) == 0 {
				into.Licenses = p.Licenses
			}
			continue
		}
		one := *p // not all the others with it
		packages = append(packages, &one)
	}
	for _, p := range packages {
		p.Kind, p.Format = asset.KindPackage, asset.Built
		p.ID = p.PURL + "#" + p.Paths[0]
		p.Head.Name = strings.TrimSpace(p.Name+" "+p.Version) + " (" + p.Type + ")"
	}
	return packages
}

func same(a, b *asset.Package) bool {
	return a.Type == b.Type && a.Name == b.Name && a.Version == b.Version && a.Arch == b.Arch &&
		a.Binary == b.Binary && a.Layer.Index == b.Layer.Index && a.Owner == b.Owner
}

// packageURL writes the package URL. What a distribution's advisories need
// besides the name is in its qualifiers.
func packageURL(p *asset.Package, r release) string {
	u := purl.PackageURL{Type: p.Type, Name: p.Name, Version: p.Version}
	qualifiers := map[string]string{}
	switch p.Type {
	case "deb", "apk", "rpm", "alpm":
		u.Namespace = cmp.Or(r.id, defaultVendor[p.Type])
		qualifiers["arch"] = p.Arch
		if r.id != "" {
			qualifiers["distro"] = strings.TrimSuffix(r.id+"-"+r.version, "-")
		}
		if p.Source != p.Name {
			qualifiers["upstream"] = p.Source
		}
		if epoch, version, ok := strings.Cut(p.Version, ":"); ok && p.Type == "rpm" {
			u.Version, qualifiers["epoch"] = version, epoch
		}
	case "npm", "composer":
		if scope, name, ok := strings.Cut(p.Name, "/"); ok {
			u.Namespace, u.Name = scope, name
		}
	case "maven":
		if group, name, ok := strings.Cut(p.Name, ":"); ok {
			u.Namespace, u.Name = group, name
		}
	case "golang":
		u.Namespace, u.Name = cutLast(p.Name)
		if u.Version != "" && p.Name != "stdlib" {
			u.Version = "v" + u.Version
		}
	case "pypi":
		u.Name = pythonName(p.Name)
	}
	maps.DeleteFunc(qualifiers, func(_, value string) bool { return value == "" })
	u.Qualifiers = purl.QualifiersFromMap(qualifiers)
	return u.String()
}

// defaultVendor is whose package it is where the image does not say.
var defaultVendor = map[string]string{"deb": "debian", "apk": "alpine", "rpm": "redhat", "alpm": "arch"}

// pythonName is the form of a name that package URLs hold.
func pythonName(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), "_", "-")
}
