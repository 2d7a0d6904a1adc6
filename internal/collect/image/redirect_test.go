package image

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestRedirects are followed to where images may be, and a bounded number of times.
func TestRedirects(t *testing.T) {
	for from, test := range map[string]struct{ to, want string }{
		"https://registry.example/v2/a": {"https://cdn.example/a", ""},
		"http://registry.example/v2/a":  {"http://cdn.example/a", ""},
		"https://registry.example/v2/b": {"http://cdn.example/a", "not encrypted"},
		"http://registry.example/v2/b":  {"http://169.254.169.254/latest/meta-data", "no place for images"},
		"http://registry.example/v2/c":  {"http://[::1]:2375/containers/json", "no place for images"},
		"http://127.0.0.1:5000/v2/c":    {"http://127.0.0.1:5000/blobs", ""},
	} {
		first := httptest.NewRequest(http.MethodGet, from, nil)
		next := httptest.NewRequest(http.MethodGet, test.to, nil)
		next.Response = &http.Response{Request: first}
		err := redirected(next)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("from %s to %s: the error is %v, want one with %q", from, test.to, err, test.want)
		}
	}
}

// TestRedirectsEnd asks a registry that sends on for ever.
func TestRedirectsEnd(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/" {
			http.Redirect(w, r, r.URL.Path+"x", http.StatusFound)
		}
	}))
	defer s.Close()
	_, err := Open(t.Context(), strings.TrimPrefix(s.URL, "http://")+"/app:1", Registry, Platform{}, nil)
	if err == nil || !strings.Contains(err.Error(), "more than 10 times") {
		t.Errorf("the error is %v, want one about the redirects", err)
	}
}

// TestLongAnswers of registries are not repeated in full.
func TestLongAnswers(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/" {
			w.WriteHeader(http.StatusConflict)
			w.Write([]byte(`{"errors":[{"code":"X","message":"` + strings.Repeat("m", 10_000) + `"}]}`)) //nolint:errcheck // the client says
		}
	}))
	defer s.Close()
	_, err := Open(t.Context(), strings.TrimPrefix(s.URL, "http://")+"/app:1", Registry, Platform{}, nil)
	if err == nil || len(err.Error()) > 1000 || !strings.Contains(err.Error(), "mmm") {
		t.Errorf("the error is %.2000v, want the beginning of what the registry says", err)
	}
}
