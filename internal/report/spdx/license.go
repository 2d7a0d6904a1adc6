package spdx

import (
	"strings"
	"sync"
)

// ids are the licences that packages name most, as SPDX spells them.
var ids = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	for id := range strings.FieldsSeq(`0BSD AFL-2.1 AFL-3.0 AGPL-3.0-only AGPL-3.0-or-later Apache-1.1 Apache-2.0 Artistic-1.0
		Artistic-1.0-Perl Artistic-2.0 BSD-1-Clause BSD-2-Clause BSD-2-Clause-Patent BSD-3-Clause BSD-4-Clause BSD-4-Clause-UC BSL-1.0 CC-BY-3.0
		CC-BY-4.0 CC-BY-SA-3.0 CC-BY-SA-4.0 CC0-1.0 CDDL-1.0 CDDL-1.1 curl EPL-1.0 EPL-2.0 EUPL-1.2 FSFAP FSFUL FSFULLR FTL GFDL-1.2-only
		GFDL-1.2-or-later GFDL-1.3-only GFDL-1.3-or-later GPL-1.0-only GPL-1.0-or-later GPL-2.0-only GPL-2.0-or-later GPL-3.0-only
		GPL-3.0-or-later HPND ICU IJG ISC JSON LGPL-2.0-only LGPL-2.0-or-later LGPL-2.1-only LGPL-2.1-or-later LGPL-3.0-only
		LGPL-3.0-or-later Libpng MIT MIT-0 MPL-1.1 MPL-2.0 MS-PL NCSA OFL-1.1 OLDAP-2.8 OpenSSL PHP-3.01 PostgreSQL PSF-2.0 Python-2.0 Ruby
		SISSL SMLNJ Sleepycat TCL Unicode-3.0 Unicode-DFS-2016 Unlicense UPL-1.0 Vim W3C WTFPL X11 XFree86-1.1 Zlib ZPL-2.1 bzip2-1.0.6 zlib-acknowledgement BlueOak-1.0.0`) {
		out[strings.ToLower(id)] = id
	}
	return out
})

// spellings are what distributions call licences.
var spellings = map[string]string{
	"expat": "MIT", "mit/x11": "MIT", "mit license": "MIT", "asl 2.0": "Apache-2.0", "apache license 2.0": "Apache-2.0", "apache 2.0": "Apache-2.0",
	"apache license, version 2.0": "Apache-2.0", "apache-2": "Apache-2.0", "bsd-2": "BSD-2-Clause", "bsd-3": "BSD-3-Clause", "artistic": "Artistic-1.0-Perl",
	"gpl-1": "GPL-1.0-only", "gpl-1+": "GPL-1.0-or-later", "gpl-2": "GPL-2.0-only", "gpl-2+": "GPL-2.0-or-later", "gpl-3": "GPL-3.0-only", "gpl-3+": "GPL-3.0-or-later",
	"gpl-2.0": "GPL-2.0-only", "gpl-2.0+": "GPL-2.0-or-later", "gpl-3.0": "GPL-3.0-only", "gpl-3.0+": "GPL-3.0-or-later",
	"gplv2": "GPL-2.0-only", "gplv2+": "GPL-2.0-or-later", "gplv3": "GPL-3.0-only", "gplv3+": "GPL-3.0-or-later",
	"lgpl-2": "LGPL-2.0-only", "lgpl-2+": "LGPL-2.0-or-later", "lgpl-2.1": "LGPL-2.1-only", "lgpl-2.1+": "LGPL-2.1-or-later",
	"lgpl-3": "LGPL-3.0-only", "lgpl-3+": "LGPL-3.0-or-later", "lgplv2": "LGPL-2.0-only", "lgplv2+": "LGPL-2.0-or-later",
	"lgplv3": "LGPL-3.0-only", "lgplv3+": "LGPL-3.0-or-later", "mplv2.0": "MPL-2.0", "mplv1.1": "MPL-1.1", "psf": "PSF-2.0", "bsl": "BSL-1.0",
}

// License writes what a package calls its licence as SPDX does: an id, or an
// expression of several, which compound says. It is "" where some of it is not
// known.
func License(name string) (expression string, compound bool) {
	name = strings.TrimSpace(name)
	if id := licenseID(name); id != "" {
		return id, false
	}
	if len(name) > 500 || !balanced(name) {
		return "", false
	}
	spaced := strings.NewReplacer("(", " ( ", ")", " ) ").Replace(name)
	var out []string
	operand := true // one is expected next
	for word := range strings.FieldsSeq(spaced) {
		switch upper := strings.ToUpper(word); {
		case word == "(" && operand, word == ")" && !operand:
			out = append(out, word)
		case (upper == "AND" || upper == "OR") && !operand:
			out, operand = append(out, upper), true
		default:
			id := licenseID(word)
			if id == "" || !operand {
				return "", false
			}
			out, operand = append(out, id), false
		}
	}
	if operand || len(out) < 2 {
		return "", false
	}
	return strings.NewReplacer("( ", "(", " )", ")").Replace(strings.Join(out, " ")), true
}

func licenseID(name string) string {
	lower := strings.ToLower(name)
	if id := ids()[lower]; id != "" {
		return id
	}
	return spellings[lower]
}

func balanced(text string) bool {
	depth := 0
	for _, c := range text {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth < 0 {
			return false
		}
	}
	return depth == 0
}
