package referrer

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestRedirectsEnd asks a registry that sends on for ever.
func TestRedirectsEnd(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/" {
			http.Redirect(w, r, r.URL.Path+"x", http.StatusFound)
		}
	}))
	defer s.Close()
	_, err := Open(t.Context(), strings.TrimPrefix(s.URL, "http://")+"/app:1", "linux/amd64")
	if err == nil || !strings.Contains(err.Error(), "more than 10 times") {
		t.Errorf("the error is %v, want one about the redirects", err)
	}
}
