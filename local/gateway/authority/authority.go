// Package authority is the certificate authority that the workloads of a sandbox
// trust, for one name. Its key comes from the gateway's key, so that a gateway that
// was started again has the same authority and nobody has to be told.
package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// Authority signs certificates for one name.
type Authority struct {
	host string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// New returns the authority for host, which may be *.NAME, whose key comes from derive, which returns 32
// secret bytes for a purpose, always the same. Whoever trusts it trusts it for host
// and nothing else. The certificate is the same to the byte each time.
func New(host string, derive func(purpose string) []byte) (*Authority, error) {
	key := privateKey(derive)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "envctl sandbox " + host},
		// No clock decides: a sandbox may live on a machine whose clock is wrong, and
		// the authority ends with the sandbox's key.
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2049, 12, 31, 0, 0, 0, 0, time.UTC),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		// The names below host are no one's either.
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: []string{strings.TrimPrefix(host, "*.")},
	}
	// Without a source of randomness ECDSA signs by RFC 6979: equal input, equal bytes.
	der, err := x509.CreateCertificate(nil, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("certificate authority of %q: %w", host, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("certificate authority of %q: %w", host, err)
	}
	return &Authority{host: host, cert: cert, key: key}, nil
}

// privateKey takes the first candidate that is a key: a number from 1 to the order
// of P-256. One in 2^32 is none.
func privateKey(derive func(string) []byte) *ecdsa.PrivateKey {
	for i := 0; ; i++ {
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), derive("models-ca/"+strconv.Itoa(i))); err == nil {
			return key
		}
	}
}

// PEM is the authority's certificate.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// leaf makes a certificate for the name, with a key of its own, good for
// leafLifetime from now on.
func (a *Authority) leaf(now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("certificate of %q: %w", a.host, err)
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: a.host}, DNSNames: []string{a.host},
		NotBefore: now.Add(-leafLifetime), NotAfter: now.Add(leafLifetime),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return nil, fmt.Errorf("certificate of %q: %w", a.host, err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("certificate of %q: %w", a.host, err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: parsed}, nil
}
