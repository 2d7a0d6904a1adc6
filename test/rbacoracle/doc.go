// Package rbacoracle holds the RBAC grants of Holdfast against what Kubernetes
// itself answers: its authorizer, its bootstrap policy, its label selectors. It
// is a module of its own because k8s.io/kubernetes is no dependency that the
// program should have.
package rbacoracle
