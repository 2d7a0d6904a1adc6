package signature

import (
	"strings"
	"testing"
)

func TestLookalike(t *testing.T) {
	for image, want := range map[string]string{
		"ngimx": "nginx", "nignx": "nginx", "nglnx": "nginx", "postgress": "postgres", "library-nginx": "nginx", "nginx-official": "nginx",
		"someone/ngnix": "nginx", "someone/m0ng0": "mongo", "alpne": "alpine", "official/redis": "redis", "redisofficial/redis": "redis",
		"1ibrary/nginx": "library/nginx", "librarry/nginx": "library/nginx", "dashicorp/consul": "hashicorp/consul", "bitnarni/redis": "bitnami/redis",
		"grafanna/grafana": "grafana/grafana", "ghrc.io/acme/shop": "ghcr.io/acme/shop", "quay.lo/acme/shop": "quay.io/acme/shop",
		"public.ecr.aws/docker/library/ngimx": "nginx",
		// These are none.
		"nginx": "", "docker.io/library/nginx": "", "someone/nginx": "", "grafana/grafana": "", "grafana/anything": "", "jruby": "", "node18": "",
		"someone/python3": "", "postgrest/postgrest": "", "someone/rocketchat": "", "helloworld": "", "gcr.io/go-containerregistry/crane": "",
		"registry.example/ngimx": "", "localhost:5000/ngimx": "", "ghcr.io/acme/shop": "", "public.ecr.aws/docker/library/nginx": "",
		"mirror.gcr.io/library/nginx": "", "quay.io/prometheus/prometheus": "", "registry.acme.example/a": "", "": "",
	} {
		registry, repo, _ := strings.Cut(repository(image), "/")
		if got, how := Lookalike(registry, repo); got != want {
			t.Errorf("%s is taken for an imitation of %q (%s), want %q", image, got, how, want)
		}
	}
}

// TestOfficialNamesAreNoImitations takes each official name off the list and
// checks that it is not taken for an imitation of another one.
func TestOfficialNamesAreNoImitations(t *testing.T) {
	all := known()
	if len(all.words) < 150 {
		t.Fatalf("only %d names", len(all.words))
	}
	for i, word := range all.words {
		c := &catalogue{official: map[string]bool{}}
		c.words = append(append(c.words, all.words[:i]...), all.words[i+1:]...)
		if of, how := c.name(word); of != "" {
			t.Errorf("%s would be taken for an imitation of %s: %s", word, of, how)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"nginx", "ngimx", 1}, {"nginx", "ngixn", 1}, {"nginx", "nginxx", 1}, {"abc", "cba", 2}, {"abcdef", "ghijkl", 3}, {"a", "abcdefgh", 3}} {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("from %q to %q it is %d, want %d", test.a, test.b, got, test.want)
		}
		if got := distance(test.b, test.a); got != test.want {
			t.Errorf("from %q to %q it is %d, want %d", test.b, test.a, got, test.want)
		}
	}
}
