package main

import (
	"bytes"
	"fmt"
	"html/template"
)

// picture draws the rates as bars, each inside the bar of its limit.
func (r report) picture() []byte {
	const left, width, rowHeight = 215, 410, 26
	type bar struct {
		Y, Length, Limit int
		Name, Label      string
	}
	type panel struct {
		Y    int
		Name string
		Bars []bar
	}
	data := struct {
		Left, Height int
		Panels       []panel
		Caption      string
	}{Left: left}
	y := 20
	for _, p := range []struct {
		name, limit string
		rates       func(f figures) (rate, limit float64)
	}{
		{"Call flows a second", "of an empty handler", func(f figures) (float64, float64) { return f.Calls.Rate, f.Empty.Rate }},
		{"Texts accepted, forwarded and marked a second, each step on the disk", "of an empty handler",
			func(f figures) (float64, float64) { return f.Texts.Rate, f.EmptyPosts.Rate }},
		{"Rides created a second, with 10,000 proxy numbers", "", func(f figures) (float64, float64) { return f.RidesMany.Rate, 0 }},
	} {
		most := 1.0
		for _, f := range r.Figures {
			rate, limit := p.rates(f)
			most = max(most, rate, limit)
		}
		drawn := panel{Y: y, Name: p.name}
		y += 12
		for _, f := range r.Figures {
			rate, limit := p.rates(f)
			if rate == 0 {
				continue // not measured
			}
			b := bar{Y: y, Length: int(width * rate / most), Limit: int(width * limit / most),
				Name: fmt.Sprintf("%s, %s rides", f.Engine, thousands(float64(f.Rides))), Label: thousands(rate)}
			if limit > 0 {
				b.Label += fmt.Sprintf(", %.2f %s", over(rate, limit), p.limit)
			}
			drawn.Bars = append(drawn.Bars, b)
			y += rowHeight
		}
		data.Panels = append(data.Panels, drawn)
		y += 32
	}
	data.Height = y
	data.Caption = fmt.Sprintf("%d cores (%s), shared by BirdCar, the load and the stand-in carrier", r.Machine.Cores, r.Machine.Processor)
	if r.Incomplete != "" {
		data.Caption += "; incomplete"
	}
	var b bytes.Buffer
	if err := drawing.Execute(&b, data); err != nil {
		panic(err) // the template fits its data
	}
	return b.Bytes()
}

var drawing = template.Must(template.New("").Parse(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="-16 -8 900 {{.Height}}" role="img" aria-labelledby="title">
<title id="title">BirdCar's rates, each inside the bar of its limit on the same machine</title>
<style>
	.ground { fill: #ffffff; }
	text { font: 14px system-ui, sans-serif; fill: #1f2933; }
	.head { font-weight: 600; }
	.name { text-anchor: end; }
	.quiet { fill: #52606d; font-size: 12px; }
	.limit { fill: #d5dbe3; }
	.rate { fill: #2563a8; }
	@media (prefers-color-scheme: dark) {
		.ground { fill: #11181f; }
		text { fill: #e4e7eb; }
		.quiet { fill: #9aa5b1; }
		.limit { fill: #3e4c59; }
		.rate { fill: #6ba5e7; }
	}
</style>
<rect class="ground" x="-16" y="-8" width="100%" height="100%"/>
{{range .Panels}}<text class="head" x="0" y="{{.Y}}">{{.Name}}</text>
{{range .Bars}}<g transform="translate({{$.Left}} {{.Y}})"><text class="name" x="-10" y="14">{{.Name}}</text><rect class="limit" width="{{.Limit}}" height="18" rx="2"/><rect class="rate" width="{{.Length}}" height="18" rx="2"/><text x="{{if gt .Limit .Length}}{{.Limit}}{{else}}{{.Length}}{{end}}" dx="8" y="14">{{.Label}}</text></g>
{{end}}{{end}}<text class="quiet" x="0" y="{{.Height}}" dy="-14">{{.Caption}}</text>
</svg>
`))
