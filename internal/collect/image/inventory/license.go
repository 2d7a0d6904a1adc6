package inventory

import "slices"

// The bounds on what a package may say of its licence: some paste the text.
const (
	maxLicenses = 24
	maxLicense  = 120
)

// addLicense adds the name of a licence, unless it is none or there already.
func addLicense(names []string, name string) []string {
	if name == "" || name == "UNKNOWN" || len(name) > maxLicense || len(names) >= maxLicenses || slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}
