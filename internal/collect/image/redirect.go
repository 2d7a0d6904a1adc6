package image

import (
	"errors"
	"fmt"
	"net"
	"net/http"
)

// maxRedirects is how often a registry may send on.
const maxRedirects = 10

// guarded keeps a registry from sending its visitors round and round, to where
// everybody can listen, or to places that only they can reach: a network's own
// addresses answer those that are in it.
type guarded struct{ http.RoundTripper }

func (g guarded) RoundTrip(in *http.Request) (*http.Response, error) {
	if err := redirected(in); err != nil {
		return nil, err
	}
	return g.RoundTripper.RoundTrip(in)
}

// redirected says what is wrong with where a request was sent on to.
func redirected(in *http.Request) error {
	if in.Response == nil || in.Response.Request == nil {
		return nil
	}
	first, times := in, 0
	for first.Response != nil && first.Response.Request != nil {
		if first, times = first.Response.Request, times+1; times > maxRedirects {
			return fmt.Errorf("the registry sends on more than %d times", maxRedirects)
		}
	}
	if first.URL.Scheme == "https" && in.URL.Scheme != "https" {
		return errors.New("the registry sends on to a connection that is not encrypted")
	}
	host := in.URL.Hostname()
	if ip := net.ParseIP(host); host != first.URL.Hostname() && (host == "localhost" || ip != nil && (ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsUnspecified())) {
		return fmt.Errorf("the registry sends on to %s, which is no place for images", host)
	}
	return nil
}
