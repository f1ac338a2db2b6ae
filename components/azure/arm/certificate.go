package arm

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"software.sslmate.com/src/go-pkcs12"
)

// certificate is the credential of ARM_CLIENT_CERTIFICATE_PATH.
func (id identity) certificate() (azcore.TokenCredential, error) {
	path, _ := id.env.first("ARM_CLIENT_CERTIFICATE_PATH")
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &CredentialError{
			Kind: kindCertificate, What: fmt.Sprintf("the certificate of ARM_CLIENT_CERTIFICATE_PATH cannot be read (%v)", err),
			Mend: "name a file with the certificate and its private key, PEM or PFX", cause: err,
		}
	}
	password := id.env("ARM_CLIENT_CERTIFICATE_PASSWORD")
	certs, key, err := parseCertificate(data, password)
	if err != nil {
		return nil, certificateError(path, password, err)
	}
	return azidentity.NewClientCertificateCredential(id.tenant, id.client, certs, key, &azidentity.ClientCertificateCredentialOptions{
		ClientOptions: id.options, DisableInstanceDiscovery: id.fixed, SendCertificateChain: true,
	})
}

// parseCertificate reads a certificate, those above it, and its key. PEM is left
// to azidentity; PFX files are read here, as azidentity cannot read those that
// OpenSSL 3 writes (PBES2 and SHA-256).
func parseCertificate(data []byte, password string) ([]*x509.Certificate, crypto.PrivateKey, error) {
	if bytes.Contains(data, []byte("-----BEGIN ")) {
		return azidentity.ParseCertificates(data, nil)
	}
	key, cert, chain, err := pkcs12.DecodeChain(data, password)
	if err != nil {
		return nil, nil, err
	}
	return append([]*x509.Certificate{cert}, chain...), key, nil
}

func certificateError(path, password string, err error) error {
	e := &CredentialError{
		Kind: kindCertificate, What: fmt.Sprintf("ARM_CLIENT_CERTIFICATE_PATH is %q, which cannot be used", path),
		Why:   err.Error(),
		Mend:  "it must have the certificate and its private key, not encrypted in PEM (openssl pkey -in key.pem -out plain.pem), or be a PFX file",
		cause: err,
	}
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		e.Why, e.Mend = "its password is wrong", "correct ARM_CLIENT_CERTIFICATE_PASSWORD"
		if password == "" {
			e.Why, e.Mend = "it has a password", "set ARM_CLIENT_CERTIFICATE_PASSWORD"
		}
	}
	return e
}
