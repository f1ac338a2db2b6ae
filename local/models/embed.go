package models

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"
)

const (
	defaultDimensions = 1536
	maxDimensions     = 4096
	maxInputs         = 2048
	// maxNumbers bounds the numbers that are drawn for a request: about a second's.
	maxNumbers = 1 << 28
)

// embed answers with unit vectors that a text's words decide: texts with words in
// common are near each other, and the same text has the same vector.
func (c *call) embed() (*answer, error) {
	texts := inputs(c.fields["input"])
	dimensions := int64(defaultDimensions)
	if n, given := c.number("dimensions"); given {
		dimensions = n
	}
	switch {
	case len(texts) == 0 || len(texts) > maxInputs:
		return nil, c.wrong("input", "is not a text or a list of 1 to 2048 texts")
	case dimensions < 1 || dimensions > maxDimensions:
		return nil, c.wrong("dimensions", "is not a number from 1 to 4096")
	}
	var format string
	if err := c.field("encoding_format", &format, "float or base64"); err != nil {
		return nil, err
	}
	drawn := 0
	for _, text := range texts {
		if drawn += (len(strings.Fields(text)) + 1) * int(dimensions); drawn > maxNumbers {
			return nil, c.wrong("input", "has more words than echo makes vectors of")
		}
	}
	data, used := []object{}, int64(0)
	for i, text := range texts {
		vector := vectorOf(text, int(dimensions))
		item := object{"object": "embedding", "index": i, "embedding": vector}
		if format == "base64" {
			item["embedding"] = inBase64(vector)
		}
		data, used = append(data, item), used+tokens(text)
	}
	raw, err := json.Marshal(object{
		"object": "list", "data": data, "model": c.server, "usage": object{"prompt_tokens": used, "total_tokens": used},
	})
	if err != nil {
		return nil, refuse(http.StatusInternalServerError, "echo", "%v", err)
	}
	return ok("application/json", raw), nil
}

// vectorOf adds up a vector for each word and makes the sum one long.
func vectorOf(text string, dimensions int) []float32 {
	sum := make([]float64, dimensions)
	parts := strings.Fields(strings.ToLower(text))
	if len(parts) == 0 {
		parts = []string{""}
	}
	for _, word := range parts {
		source := rand.New(rand.NewChaCha8(sha256.Sum256([]byte(word))))
		for i := range sum {
			sum[i] += 2*source.Float64() - 1
		}
	}
	var square float64
	for _, x := range sum {
		square += x * x
	}
	out := make([]float32, dimensions)
	for i, x := range sum {
		out[i] = float32(x / math.Sqrt(square))
	}
	return out
}

func inBase64(vector []float32) string {
	raw := make([]byte, 0, 4*len(vector))
	for _, x := range vector {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return base64.StdEncoding.EncodeToString(raw)
}
