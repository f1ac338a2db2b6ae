// Package certs makes the simulator's own certificate authority and what it signs.
package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"
)

// NewCA makes an authority: the PEM of its certificate and key. It is only good
// for loopback addresses, whoever trusts it.
func NewCA(now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "envctl Azure simulator"},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.AddDate(10, 0, 0), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, MaxPathLenZero: true,
		PermittedIPRanges: []*net.IPNet{
			{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)}, {IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)},
		},
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: []string{"localhost"},
	}
	return sign(template, template, &key.PublicKey, key, key)
}

func sign(template, parent *x509.Certificate, public *ecdsa.PublicKey, signer, own *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		return nil, fmt.Errorf("make the simulator's certificate: %w", err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		return nil, err
	}
	out := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return append(out, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})...), nil
}

// Public is the PEM of the authority's certificate alone.
func Public(ca []byte) []byte {
	block, _ := pem.Decode(ca)
	if block == nil {
		return nil
	}
	return pem.EncodeToMemory(block)
}

// Server makes a server's certificate for the loopback interface.
func Server(ca []byte, now time.Time) (*tls.Config, error) {
	pair, err := tls.X509KeyPair(ca, ca)
	if err != nil {
		return nil, fmt.Errorf("read the simulator's authority: %w", err)
	}
	parent, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, err
	}
	signer, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("the simulator's authority has no ECDSA key; remove its folder to begin anew")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "127.0.0.1"}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		NotBefore:   now.Add(-24 * time.Hour), NotAfter: now.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	leaf, err := sign(template, parent, &key.PublicKey, signer, key)
	if err != nil {
		return nil, err
	}
	own, err := tls.X509KeyPair(leaf, bytes.Clone(leaf))
	if err != nil {
		return nil, err
	}
	// HTTP/1.1 only: a fault that closes a connection then hits one request.
	return &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}, nil
}
