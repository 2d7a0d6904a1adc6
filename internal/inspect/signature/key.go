package signature

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
)

// errKey says that a signature is not by the key.
var errKey = errors.New("the signature is not by this key, or the text was changed")

// verifyKey checks a signature over a message. The schemes are those that
// cosign signs with: ECDSA over SHA-256 or the hash that fits the curve, RSA
// PKCS#1 v1.5 and PSS over SHA-256, Ed25519 plain and prehashed.
func verifyKey(key crypto.PublicKey, message, signature []byte) error {
	short := sha256.Sum256(message)
	ok := false
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		ok = ecdsa.VerifyASN1(key, short[:], signature)
		if !ok && key.Curve.Params().BitSize == 384 {
			sum := sha512.Sum384(message)
			ok = ecdsa.VerifyASN1(key, sum[:], signature)
		}
		if !ok && key.Curve.Params().BitSize == 521 {
			sum := sha512.Sum512(message)
			ok = ecdsa.VerifyASN1(key, sum[:], signature)
		}
	case *rsa.PublicKey:
		ok = rsa.VerifyPKCS1v15(key, crypto.SHA256, short[:], signature) == nil ||
			rsa.VerifyPSS(key, crypto.SHA256, short[:], signature, nil) == nil
	case ed25519.PublicKey:
		long := sha512.Sum512(message)
		ok = ed25519.Verify(key, message, signature) ||
			ed25519.VerifyWithOptions(key, long[:], signature, &ed25519.Options{Hash: crypto.SHA512}) == nil
	}
	if !ok {
		return errKey
	}
	return nil
}
