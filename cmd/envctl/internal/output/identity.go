package output

import "fmt"

// writeIdentity prints which roles were given and which were used.
func (o Operation) writeIdentity(p *Page) {
	if len(o.Identity) == 0 {
		return
	}
	rows := [][]styled{{dim("APP"), dim("ROLE"), dim("RESOURCE"), dim("GRANTED"), dim("REFUSED"), dim("NOTE")}}
	for _, u := range o.Identity {
		app, role, resource, note := u.App, u.Role, u.Resource, normal("")
		for _, text := range []*string{&app, &role, &resource} {
			if *text == "" {
				*text = "-"
			}
		}
		switch {
		case u.Unused() && u.Refused == 0:
			note = yellow("never used")
		case u.Refused > 0:
			note = red(u.Reason)
		}
		rows = append(rows, []styled{normal(app), normal(role), normal(resource),
			normal(fmt.Sprint(u.Granted)), normal(fmt.Sprint(u.Refused)), note})
	}
	p.table(2, rows)
}
