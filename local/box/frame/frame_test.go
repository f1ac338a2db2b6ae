package frame_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/envctl/envctl/local/box/frame"
)

func TestCopy(t *testing.T) {
	t.Parallel()
	var wire, stdout, stderr bytes.Buffer
	w := frame.NewWriter(&wire)
	long := bytes.Repeat([]byte("x"), 3*frame.MaxPayload+1)
	for _, err := range []error{
		w.Write(frame.Stdout, long), w.Write(frame.Stderr, []byte("oops")), w.Write(frame.Stdout, nil),
		w.End(frame.Result{ExitCode: 3}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	res, err := frame.Copy(&wire, &stdout, &stderr)
	if err != nil || res.ExitCode != 3 || !bytes.Equal(stdout.Bytes(), long) || stderr.String() != "oops" {
		t.Errorf("%+v, %v, %d bytes, %q", res, err, stdout.Len(), stderr.String())
	}
}

func TestCopyRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		wire string
		want error
	}{
		"nothing":             {"", io.ErrUnexpectedEOF},
		"a header that ends":  {"\x01\x00", io.ErrUnexpectedEOF},
		"content that ends":   {"\x01\x00\x00\x00\x05abc", io.ErrUnexpectedEOF},
		"no result":           {"\x01\x00\x00\x00\x03abc", io.ErrUnexpectedEOF},
		"an empty frame":      {"\x01\x00\x00\x00\x00", frame.ErrFormat},
		"a frame of 4 GiB":    {"\x01\xff\xff\xff\xff", frame.ErrFormat},
		"another kind":        {"\x09\x00\x00\x00\x01a", frame.ErrFormat},
		"a result of no JSON": {"\x03\x00\x00\x00\x01a", frame.ErrFormat},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := frame.Copy(strings.NewReader(tt.wire), io.Discard, io.Discard); !errors.Is(err, tt.want) {
				t.Errorf("error %v, expected %v", err, tt.want)
			}
		})
	}
}

// Whatever a box sends, reading it ends, and no more comes out than went in.
func FuzzCopy(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x03abc\x03\x00\x00\x00\x02{}"))
	f.Add([]byte("\x03\x00\x00\x00\x0f{\"exitCode\":1e9}"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		var out bytes.Buffer
		_, err := frame.Copy(bytes.NewReader(wire), &out, &out)
		if err == nil && len(wire) < 7 || out.Len() > len(wire) {
			t.Errorf("%d bytes in, %d out, %v", len(wire), out.Len(), err)
		}
	})
}
