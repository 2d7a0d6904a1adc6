package advisory

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

// maxKey bounds the file of a key.
const maxKey = 64 << 10

// PrivateKey reads the key to sign exports with: Ed25519 as PKCS #8 in PEM, as
// openssl genpkey -algorithm ed25519 writes it.
func PrivateKey(file string) (ed25519.PrivateKey, error) {
	block, err := readPEM(file, "PRIVATE KEY")
	if err != nil {
		return nil, fmt.Errorf("reading the signing key %s: %w", file, err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if key, ok := parsed.(ed25519.PrivateKey); ok && err == nil {
		return key, nil
	}
	return nil, fmt.Errorf("reading the signing key %s: it is no Ed25519 key: make one with openssl genpkey -algorithm ed25519", file)
}

// PublicKey reads the key to verify imports with, as openssl pkey -pubout writes
// it.
func PublicKey(file string) (ed25519.PublicKey, error) {
	block, err := readPEM(file, "PUBLIC KEY")
	if err != nil {
		return nil, fmt.Errorf("reading the public key %s: %w", file, err)
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if key, ok := parsed.(ed25519.PublicKey); ok && err == nil {
		return key, nil
	}
	return nil, fmt.Errorf("reading the public key %s: it is no Ed25519 key: get it with openssl pkey -in KEY -pubout", file)
}

func readPEM(file, kind string) (*pem.Block, error) {
	text, err := readBounded(file, maxKey)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	switch {
	case block == nil:
		return nil, fmt.Errorf("there is no PEM block in it")
	case block.Type != kind:
		return nil, fmt.Errorf("it holds a %q, not a %q", clip(block.Type, 40), kind)
	}
	return block, nil
}
