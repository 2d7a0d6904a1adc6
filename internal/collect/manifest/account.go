package manifest

import (
	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/source"
)

// account is what a ServiceAccount decides about the pods that use it.
type account struct {
	automount bool
	place     source.Place
}

func (s *Set) serviceAccount(o *object) {
	automount, ok := o.node.Bool("automountServiceAccountToken")
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts[objectKey{o.space(), o.name}] = account{automount, o.text.place(o.node.Place("automountServiceAccountToken"))}
}

// settleTokens decides for the pods that leave it to their service account
// whether its token is mounted: Kubernetes mounts it unless told otherwise.
func (s *Set) settleTokens() {
	for _, pod := range s.waiting {
		namespace := pod.Workload.Namespace
		if namespace == "" {
			namespace = "default"
		}
		account, ok := s.accounts[objectKey{namespace, pod.ServiceAccount}]
		if ok {
			pod.TokenDeclared = "serviceAccount"
			pod.TokenMounted = account.automount || projectsToken(pod.Volumes)
			pod.At("tokenMounted", account.place)
		}
		for _, c := range pod.Containers {
			c.TokenMounted = pod.TokenMounted && c.OS != ""
			if ok {
				c.At("tokenMounted", account.place)
			}
		}
	}
}

// projectsToken reports whether a volume carries a token that was asked for by
// hand.
func projectsToken(volumes []asset.Volume) bool {
	for _, v := range volumes {
		if v.TokenProjected {
			return true
		}
	}
	return false
}
