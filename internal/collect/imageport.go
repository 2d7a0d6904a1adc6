package collect

import (
	"strconv"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
)

// maxPortRange is how many ports of a range are listed one by one.
const maxPortRange = 100

// ParsePorts reads "80", "80/udp" or "8000-8010"; of a very long range the ends.
func ParsePorts(text string) []asset.ExposedPort {
	numbers, protocol, _ := strings.Cut(text, "/")
	if protocol == "" {
		protocol = "tcp"
	}
	first, last, ranged := strings.Cut(numbers, "-")
	from, err := strconv.ParseUint(first, 10, 16)
	to := from
	if err == nil && ranged {
		to, err = strconv.ParseUint(last, 10, 16)
	}
	if err != nil || to < from {
		return nil
	}
	var out []asset.ExposedPort
	for n := from; n <= to; n++ {
		if n == from+maxPortRange {
			n = to
		}
		out = append(out, asset.ExposedPort{Port: int64(n), Protocol: strings.ToLower(protocol)})
	}
	return out
}
