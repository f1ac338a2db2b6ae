package output

import (
	"maps"
	"slices"
)

// Promotion is the result of promote.
type Promotion struct {
	Operation
	Images      map[string]string `json:"images"`      // digest by workload
	Differences []string          `json:"differences"` // between what ran and what runs, in words
	Receipt     string            `json:"receipt,omitempty"`
	Referrers   []string          `json:"referrers,omitempty"` // receipts beside the images
}

// WriteText prints what was taken over, what differs, and where the receipt is.
func (d Promotion) WriteText(p *Page) {
	for _, w := range slices.Sorted(maps.Keys(d.Images)) {
		p.Line("%s %s %s", green("="), w, dim(d.Images[w]))
	}
	for _, line := range d.Differences {
		p.Line("%s %s", yellow("~"), line)
	}
	d.Operation.WriteText(p)
	if d.Receipt != "" {
		p.Line("receipt %s", d.Receipt)
	}
}
