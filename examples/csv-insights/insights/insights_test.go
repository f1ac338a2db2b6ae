package insights_test

import (
	"os"
	"strings"
	"testing"

	"github.com/envctl/envctl/examples/csv-insights/insights"
)

func TestReadTheTableThatTheExampleShips(t *testing.T) {
	t.Parallel()
	f, err := os.Open("../data/sales.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := insights.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	if got.Rows != 480 || got.BestRegion != "north" || got.BestProduct != "sensor" || len(got.Outliers) != 2 {
		t.Errorf("got %d rows, best region %q, best product %q, %d outliers", got.Rows, got.BestRegion, got.BestProduct, len(got.Outliers))
	}
	var sum float64
	for _, v := range got.ByMonth {
		sum += v
	}
	if diff := sum - got.Total; diff > 0.05 || diff < -0.05 {
		t.Errorf("the months sum up to %.2f, the total is %.2f", sum, got.Total)
	}
}

func TestReadSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	const head = "date,region,product,units,amount\n"
	for name, c := range map[string]struct{ in, want string }{
		"empty":         {"", "the first line"},
		"other columns": {"a,b,c,d,e\n", "the first line is"},
		"date":          {head + "31.1.2026,north,sensor,1,2\n", `line 2: date "31.1.2026"`},
		"units":         {head + "2026-01-31,north,sensor,x,2\n", `units "x"`},
		"amount":        {head + "2026-01-31,north,sensor,1,NaN\n", `amount "NaN"`},
		"fields":        {head + "2026-01-31,north\n", "wrong number of fields"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := insights.Read(strings.NewReader(c.in))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}
