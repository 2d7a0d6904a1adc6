package rule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// Asset returns an empty asset for an example that states the fields of one that
// no text declares, and nil for examples that are files.
func (e Example) Asset() asset.Asset {
	switch e.Format {
	case "image":
		return &asset.Image{Head: asset.Head{Kind: asset.KindImage, Name: "registry.example/app:1.0", Format: asset.Built}}
	case "package":
		return &asset.Package{Head: asset.Head{Kind: asset.KindPackage, Name: "package", Format: asset.Built}}
	case "file":
		return &asset.File{Head: asset.Head{Kind: asset.KindFile, Name: "file", Format: asset.Built}}
	}
	return nil
}

// Decode fills the asset with the fields of the example. A field that the asset
// does not have is an error.
func (e Example) Decode(into asset.Asset) error {
	for _, doc := range source.Split([]byte(e.Text)) {
		root, err := doc.Parse()
		if err != nil {
			return err
		}
		text, err := json.Marshal(root.Native())
		if err != nil {
			return fmt.Errorf("its fields are no plain data: %w", err)
		}
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		head := *into.Meta()
		if err := d.Decode(into); err != nil {
			return fmt.Errorf("it is no %s: %w", e.Format, err)
		}
		// A package's name is not the asset's.
		into.Meta().Kind, into.Meta().Format = head.Kind, head.Format
	}
	return nil
}

// File gives the example the shape of a file that can be scanned: its name and
// its text. Fields of a container, a pod or a service are put into the least
// object around them; the lines of the example keep their order.
func (e Example) File() (name, text string) {
	switch e.Format {
	case "container":
		return "example.yaml", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: example\nspec:\n  containers:\n    - name: app\n" +
			withImage(e.Text, "      ") + indent(e.Text, "      ")
	case "pod":
		text := "apiVersion: v1\nkind: Pod\nmetadata:\n  name: example\nspec:\n"
		if !strings.Contains("\n"+e.Text, "\ncontainers:") {
			text += "  containers:\n    - name: app\n      image: registry.example/app:1.0\n"
		}
		return "example.yaml", text + indent(e.Text, "  ")
	case "service":
		return "compose.yaml", "services:\n  app:\n" + withImage(e.Text, "    ") + indent(e.Text, "    ")
	case "compose":
		return "compose.yaml", e.Text
	case "dockerfile":
		return "Dockerfile", e.Text
	}
	return "example.yaml", e.Text
}

// withImage adds an image to a fragment that names none.
func withImage(text, by string) string {
	if strings.Contains("\n"+text, "\nimage:") || strings.Contains("\n"+text, "\nbuild:") || strings.Contains("\n"+text, "\nextends:") {
		return ""
	}
	return by + "image: registry.example/app:1.0\n"
}

func indent(text, by string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			b.WriteString(by)
		}
		b.WriteString(line)
	}
	return b.String()
}
