package collect

import (
	"strconv"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// ParseUser takes a user or user:group apart. Which uid a name has is up to the
// /etc/passwd of the image, which is not known; root's is 0 everywhere.
func ParseUser(text string) asset.User {
	name, _, _ := strings.Cut(text, ":")
	u := asset.User{Text: text, UID: -1, Root: name == "root"}
	if uid, err := strconv.ParseUint(name, 10, 32); err == nil {
		u.UID, u.Root = int64(uid), uid == 0
	}
	return u
}
