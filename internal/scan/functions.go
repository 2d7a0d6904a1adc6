package scan

import (
	"slices"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/inspect/secret"
	"github.com/holdfast-sec/holdfast/internal/inspect/signature"
	"github.com/holdfast-sec/holdfast/internal/rule"
)

// Functions returns the algorithms that rules may call. allow is the user's
// list of registries that images may come from; empty allows all.
func Functions(allow []string) rule.Functions {
	return rule.Functions{
		Credential:  secret.Classify,
		Credentials: credentials,
		Lookalike: func(registry, repository string) string {
			of, _ := signature.Lookalike(registry, repository)
			return of
		},
		RegistryAllowed: func(registry, repository string) bool {
			return len(allow) == 0 || slices.ContainsFunc(allow, func(prefix string) bool {
				return covers(strings.TrimSuffix(prefix, "/"), registry+"/"+repository)
			})
		},
	}
}

// covers reports whether an image lies under an allowed registry or a path in
// one. "*." at the start stands for any subdomain.
func covers(prefix, image string) bool {
	if domain, ok := strings.CutPrefix(prefix, "*."); ok {
		host, rest, _ := strings.Cut(image, "/")
		wantHost, wantPath, deep := strings.Cut(domain, "/")
		return strings.HasSuffix(host, "."+wantHost) && (!deep || rest == wantPath || strings.HasPrefix(rest, wantPath+"/"))
	}
	return image == prefix || strings.HasPrefix(image, prefix+"/")
}

// credentials lists the kinds of credential in a text, each once.
func credentials(text string) []string {
	kinds := []string{}
	for _, m := range secret.Find(text) {
		if !slices.Contains(kinds, m.Kind) {
			kinds = append(kinds, m.Kind)
		}
	}
	return kinds
}
