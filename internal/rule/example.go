package rule

import "strings"

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
