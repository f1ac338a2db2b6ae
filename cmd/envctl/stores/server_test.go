//go:build stores

package stores

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"
)

// store is a server with a bucket that is there, and how a program reaches it.
type store struct {
	url string
	env map[string]string
	see string            // its URL without the folder, for the test's own look
	own map[string]string // env for that; nil: the same
}

// bucket is its name in all of them.
const bucket = "state"

// stores are the servers by the scheme of their URLs. ENVCTL_STORES is the folder of
// their programs.
var stores = map[string]func(*testing.T, string) store{
	"s3": func(t *testing.T, programs string) store {
		at := serve(t, func(host, port string) *exec.Cmd {
			return exec.Command(filepath.Join(programs, "gofakes3"), "-backend", "memory", "-initialbucket", bucket, "-host", host+":"+port)
		})
		return store{
			// As Pulumi's documentation has it for MinIO.
			url: "s3://" + bucket + "/team?region=us-east-1&disableSSL=true&s3ForcePathStyle=true&endpoint=" + at,
			see: "s3://" + bucket + "/?region=us-east-1&use_path_style=true&endpoint=http://" + at,
			env: map[string]string{"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key"},
		}
	},
	"gs": func(t *testing.T, programs string) store {
		at := serve(t, func(host, port string) *exec.Cmd {
			return exec.Command(filepath.Join(programs, "fake-gcs-server"), "-backend", "memory", "-scheme", "http", "-host", host, "-port", port,
				"-public-host", host+":"+port, "-log-level", "warn")
		})
		answer, err := http.Post("http://"+at+"/storage/v1/b?project=team", "application/json", strings.NewReader(`{"name":"`+bucket+`"}`))
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatal(answer, err)
		}
		_ = answer.Body.Close()
		return store{
			url: "gs://" + bucket + "/team", see: "gs://" + bucket,
			env: map[string]string{"STORAGE_EMULATOR_HOST": at, "GOOGLE_OAUTH_ACCESS_TOKEN": "token"},
		}
	},
	"azblob": func(t *testing.T, programs string) store {
		raw := make([]byte, 64)
		_, _ = rand.Read(raw) // never fails
		const account = "team"
		key := base64.StdEncoding.EncodeToString(raw)
		at := serve(t, func(host, port string) *exec.Cmd {
			cmd := exec.Command(filepath.Join(programs, "azurite", "node_modules", ".bin", "azurite-blob"),
				"--inMemoryPersistence", "--silent", "--skipApiVersionCheck", "--blobHost", host, "--blobPort", port)
			cmd.Env = append(os.Environ(), "AZURITE_ACCOUNTS="+account+":"+key)
			cmd.Dir = t.TempDir()
			return cmd
		})
		credential, err := azblob.NewSharedKeyCredential(account, key)
		if err != nil {
			t.Fatal(err)
		}
		client, err := azblob.NewClientWithSharedKeyCredential("http://"+at+"/"+account, credential, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.CreateContainer(t.Context(), bucket, nil); err != nil {
			t.Fatal(err)
		}
		all := sas.AccountPermissions{Read: true, Write: true, Delete: true, List: true, Add: true, Create: true}
		signed, err := client.ServiceClient().GetSASURL(sas.AccountResourceTypes{Service: true, Container: true, Object: true}, all, time.Now().Add(time.Hour), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, token, _ := strings.Cut(signed, "?")
		at = "azblob://" + bucket + "%s?protocol=http&localemu=true&domain=" + at
		return store{
			url: fmt.Sprintf(at, "/team"), see: fmt.Sprintf(at, ""),
			env: map[string]string{"AZURE_STORAGE_ACCOUNT": account, "AZURE_STORAGE_SAS_TOKEN": token},
			own: map[string]string{"AZURE_STORAGE_ACCOUNT": account, "AZURE_STORAGE_KEY": key},
		}
	},
}

// serve starts a server on a free port of loopback and waits until it answers.
func serve(t *testing.T, program func(host, port string) *exec.Cmd) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	_ = l.Close()
	host, port, _ := net.SplitHostPort(at)
	cmd := program(host, port)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v; make test-stores builds the servers", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		answer, err := (&http.Client{Timeout: time.Second}).Get("http://" + at + "/")
		if err == nil {
			_ = answer.Body.Close()
			return at
		}
		select {
		case <-ctx.Done():
			t.Fatal(fmt.Errorf("%s does not answer: %w", cmd, err))
		case <-time.After(20 * time.Millisecond):
		}
	}
}
