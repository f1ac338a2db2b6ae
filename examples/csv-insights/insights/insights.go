// Package insights reads a table of sales and says what stands out in it.
package insights

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"time"
)

// Report is what stands out in a table of sales.
type Report struct {
	Rows        int                `json:"rows"`
	Total       float64            `json:"total"`
	ByRegion    map[string]float64 `json:"byRegion"`
	ByProduct   map[string]float64 `json:"byProduct"`
	ByMonth     map[string]float64 `json:"byMonth"` // 2026-01 and so on
	BestRegion  string             `json:"bestRegion"`
	BestProduct string             `json:"bestProduct"`
	// Outliers are the rows whose amount is more than three standard deviations
	// from the mean.
	Outliers []Row `json:"outliers"`
}

// Row is one sale.
type Row struct {
	Date    string  `json:"date"` // 2026-01-31
	Region  string  `json:"region"`
	Product string  `json:"product"`
	Units   int     `json:"units"`
	Amount  float64 `json:"amount"`
}

// columns are the names that the first line has to hold, in this order.
var columns = []string{"date", "region", "product", "units", "amount"}

// Read reads a table; an error names the line.
func Read(r io.Reader) (Report, error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord = len(columns)
	in.ReuseRecord = true
	head, err := in.Read()
	if err != nil {
		return Report{}, fmt.Errorf("the first line: %w", err)
	}
	if !slices.Equal(head, columns) {
		return Report{}, fmt.Errorf("the first line is %q, want %q", head, columns)
	}
	var rows []Row
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return summarize(rows), nil
		}
		if err != nil {
			return Report{}, err
		}
		row, err := parse(record)
		if err != nil {
			line, _ := in.FieldPos(0)
			return Report{}, fmt.Errorf("line %d: %w", line, err)
		}
		rows = append(rows, row)
	}
}

func parse(f []string) (Row, error) {
	if _, err := time.Parse(time.DateOnly, f[0]); err != nil {
		return Row{}, fmt.Errorf("date %q is not YYYY-MM-DD", f[0])
	}
	units, err := strconv.Atoi(f[3])
	if err != nil {
		return Row{}, fmt.Errorf("units %q is not a whole number", f[3])
	}
	amount, err := strconv.ParseFloat(f[4], 64)
	if err != nil || math.IsNaN(amount) || math.IsInf(amount, 0) {
		return Row{}, fmt.Errorf("amount %q is not a number", f[4])
	}
	return Row{Date: f[0], Region: f[1], Product: f[2], Units: units, Amount: amount}, nil
}

func summarize(rows []Row) Report {
	r := Report{
		Rows: len(rows), ByRegion: map[string]float64{}, ByProduct: map[string]float64{}, ByMonth: map[string]float64{},
		Outliers: []Row{},
	}
	var squares float64
	for _, row := range rows {
		r.Total += row.Amount
		squares += row.Amount * row.Amount
		r.ByRegion[row.Region] += row.Amount
		r.ByProduct[row.Product] += row.Amount
		r.ByMonth[row.Date[:7]] += row.Amount
	}
	r.BestRegion, r.BestProduct = best(r.ByRegion), best(r.ByProduct)
	n := float64(len(rows))
	mean := r.Total / max(n, 1)
	deviation := math.Sqrt(max(squares/max(n, 1)-mean*mean, 0))
	for _, row := range rows {
		if math.Abs(row.Amount-mean) > 3*deviation {
			r.Outliers = append(r.Outliers, row)
		}
	}
	round(&r)
	return r
}

// best is the key of the largest sum; of equal ones the first by name.
func best(sums map[string]float64) string {
	name := ""
	for k, v := range sums {
		if name == "" || v > sums[name] || v == sums[name] && k < name {
			name = k
		}
	}
	return name
}

func round(r *Report) {
	cents := func(v float64) float64 { return math.Round(v*100) / 100 }
	r.Total = cents(r.Total)
	for _, m := range []map[string]float64{r.ByRegion, r.ByProduct, r.ByMonth} {
		for k, v := range m {
			m[k] = cents(v)
		}
	}
}
