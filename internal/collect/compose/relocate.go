package compose

import (
	"path"
	"strings"

	"github.com/compose-spec/compose-go/v2/paths"
)

// relocate joins the relative paths of a model to the folder that it was read
// from. It stands in for compose-go's own, which fills in the home directory of
// whoever runs it.
func relocate(dict map[string]any, dir string) {
	for _, section := range []string{"services", "jobs"} {
		for _, service := range mappings(dict[section]) {
			relocateContainer(service, dir)
			for _, hook := range listed(service["pre_start"]) {
				relocateContainer(hook, dir)
			}
			if extends, ok := service["extends"].(map[string]any); ok {
				relocateKey(extends, "file", dir)
			}
		}
	}
	for _, section := range []string{"secrets", "configs"} {
		for _, object := range mappings(dict[section]) {
			relocateKey(object, "file", dir)
		}
	}
	for _, volume := range mappings(dict["volumes"]) {
		opts, _ := volume["driver_opts"].(map[string]any)
		if o, _ := opts["o"].(string); bindOption(o) {
			relocateKey(opts, "device", dir)
		}
	}
}

func relocateContainer(c map[string]any, dir string) {
	for _, volume := range listed(c["volumes"]) {
		if volume["type"] == "bind" {
			relocateKey(volume, "source", dir)
		}
	}
	for _, file := range listed(c["env_file"]) {
		relocateKey(file, "path", dir)
	}
	if files, ok := c["label_file"].([]any); ok {
		for i, f := range files {
			if p, ok := f.(string); ok {
				files[i] = relocatePath(p, dir)
			}
		}
	}
}

// mappings are the named mappings of a section.
func mappings(section any) []map[string]any {
	var out []map[string]any
	things, _ := section.(map[string]any)
	for _, thing := range things {
		if m, ok := thing.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// listed are the mappings of a list.
func listed(list any) []map[string]any {
	var out []map[string]any
	items, _ := list.([]any)
	for _, item := range items {
		if m, ok := item.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

func relocateKey(m map[string]any, key, dir string) {
	if p, ok := m[key].(string); ok {
		m[key] = relocatePath(p, dir)
	}
}

// relocatePath joins a relative path to a folder. Paths that begin with a
// variable without a value, or at somebody's home, stay as they are.
func relocatePath(p, dir string) string {
	if p == "" || path.IsAbs(p) || paths.IsWindowsAbs(p) || strings.HasPrefix(p, "~") || strings.HasPrefix(p, string(gapStart)) {
		return p
	}
	p = path.Join(dir, p)
	if path.IsAbs(p) || p == "." || p == ".." || strings.HasPrefix(p, "../") {
		return p
	}
	return "./" + strings.TrimPrefix(p, "./")
}

// bindOption reports whether the mount options of a volume's driver make it a
// bind of the host.
func bindOption(options string) bool {
	for _, o := range strings.Split(options, ",") {
		if o == "bind" || o == "rbind" {
			return true
		}
	}
	return false
}
