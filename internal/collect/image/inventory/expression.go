package inventory

import (
	"regexp"
	"sync"
)

// expression compiles a regular expression when it is first asked for: most runs
// of the program look into no image, and none needs all of them.
func expression(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
