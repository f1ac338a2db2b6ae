package authority

import (
	"bytes"
	"crypto/sha1"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Write puts the certificate into a folder, as [Authority.Files] names it. Each file
// is there whole or not at all, and one that has the content already is left alone.
func (a *Authority) Write(folder, name string) error {
	files, err := a.Files(name)
	if err != nil {
		return err
	}
	for file, content := range files {
		if err := replace(filepath.Join(folder, file), content); err != nil {
			return fmt.Errorf("certificate authority of %q: %w", a.host, err)
		}
	}
	return nil
}

// Files are the certificate as name and under the name by which OpenSSL finds it in a
// folder (SSL_CERT_DIR).
func (a *Authority) Files(name string) (map[string][]byte, error) {
	hash, err := SubjectHash(a.cert.RawSubject)
	if err != nil {
		return nil, fmt.Errorf("certificate authority of %q: %w", a.host, err)
	}
	return map[string][]byte{name: a.PEM(), hash + ".0": a.PEM()}, nil
}

func replace(path string, content []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, content) {
		return nil
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	// Everybody in the sandbox reads it, whatever the umask of this process is.
	err = errors.Join(err, file.Chmod(0o644), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name())
	}
	return err
}

// attribute is one part of a distinguished name.
type attribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// SubjectHash is X509_NAME_hash of OpenSSL 1.0.0 and later, as 8 hexadecimal digits:
// the first 4 bytes, little endian, of the SHA-1 of the name's canonical encoding.
// That has the sets of attributes without the sequence around them, and each string
// as UTF-8 in lower case, with one space for any white space and none at the ends.
func SubjectHash(name []byte) (string, error) {
	var sets []asn1.RawValue
	if rest, err := asn1.Unmarshal(name, &sets); err != nil || len(rest) > 0 {
		return "", fmt.Errorf("name of a certificate: %w", errors.Join(err, errors.New("expected a sequence")))
	}
	var canonical []byte
	for _, set := range sets {
		var attributes []attribute
		if _, err := asn1.UnmarshalWithParams(set.FullBytes, &attributes, "set"); err != nil {
			return "", fmt.Errorf("name of a certificate: %w", err)
		}
		for i, a := range attributes {
			attributes[i].Value = canon(a.Value)
		}
		encoded, err := asn1.MarshalWithParams(attributes, "set")
		if err != nil {
			return "", fmt.Errorf("name of a certificate: %w", err)
		}
		canonical = append(canonical, encoded...)
	}
	sum := sha1.Sum(canonical)
	return fmt.Sprintf("%08x", binary.LittleEndian.Uint32(sum[:4])), nil
}

// canon returns a string's canonical form. Only the kinds of string that Go writes
// are changed; OpenSSL knows some more (BMPString and the like).
func canon(v asn1.RawValue) asn1.RawValue {
	switch v.Tag {
	case asn1.TagUTF8String, asn1.TagPrintableString, asn1.TagIA5String, asn1.TagT61String:
	default:
		return v
	}
	text := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, strings.Join(strings.FieldsFunc(string(v.Bytes), isSpace), " "))
	return asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagUTF8String, Bytes: []byte(text)}
}

// isSpace is white space in OpenSSL's words (isspace of C), in ASCII alone.
func isSpace(r rune) bool { return r == ' ' || r >= '\t' && r <= '\r' }
