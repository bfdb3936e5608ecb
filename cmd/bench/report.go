package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

// report is a whole run, or what there is of one that did not come to its end.
type report struct {
	Incomplete string    `json:"incomplete,omitempty"` // why
	Machine    machine   `json:"machine"`
	Figures    []figures `json:"figures"`
}

type machine struct {
	Date       string  `json:"date"`
	Cores      int     `json:"cores"`
	Processor  string  `json:"processor"`
	Go         string  `json:"go"`
	DiskWrites float64 `json:"disk_writes"` // of 4 KiB a second, one by one, each on the disk before the next
	Binary     int64   `json:"binary_bytes"`
}

// figures are what one database of one size brought, each beside its limit. What was not
// measured is 0, and not shown.
type figures struct {
	Engine string `json:"engine"`
	Rides  int    `json:"rides"`

	Calls     result `json:"calls,omitzero"`
	Empty     result `json:"empty,omitzero"`
	CallsHalf result `json:"calls_half,omitzero"`
	EmptyHalf result `json:"empty_half,omitzero"`

	Texts          result `json:"texts,omitzero"`
	EmptyPosts     result `json:"empty_posts,omitzero"`
	BareRelay      result `json:"bare_relay,omitzero"`
	TextsHalf      result `json:"texts_half,omitzero"`
	EmptyPostsHalf result `json:"empty_posts_half,omitzero"`

	ForwardRest result `json:"forward_rest,omitzero"` // from the webhook's start to the carrier's socket
	BareRest    result `json:"bare_rest,omitzero"`
	ForwardHalf result `json:"forward_half,omitzero"`
	BareHalf    result `json:"bare_half,omitzero"`

	RidesMany    result  `json:"rides_created_10000_numbers,omitzero"`
	RidesFew     result  `json:"rides_created_100_numbers,omitzero"`
	GroupCommits float64 `json:"group_commits,omitempty"` // rows a second; SQLite only

	Started      float64 `json:"start_ms,omitzero"`
	MemoryAtRest int64   `json:"memory_at_rest_bytes,omitzero"`
	MemoryPeak   int64   `json:"memory_peak_bytes,omitzero"`
}

func (r report) json() []byte {
	text, _ := json.MarshalIndent(r, "", "\t") // numbers and strings always have a form
	return append(text, '\n')
}

func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

// table is the report as Markdown.
func (r report) table() string {
	var b strings.Builder
	m := r.Machine
	if r.Incomplete != "" {
		fmt.Fprintf(&b, "**Incomplete**: %s.\n\n", oneLine(r.Incomplete))
	}
	fmt.Fprintf(&b, "%d cores (%s), shared by the load, the stand-in carrier and BirdCar; %s durable 4 KiB writes a second one by one; %s; %s.\n\n",
		m.Cores, m.Processor, thousands(m.DiskWrites), m.Go, m.Date)
	b.WriteString("| work | database | rides | measured | its limit, measured beside it | ratio |\n|---|---|--:|---|---|--:|\n")
	row := func(f figures, work, measured, limit string, ratio float64) {
		if measured == "" {
			return
		}
		shown := ""
		if ratio > 0 {
			shown = fmt.Sprintf("%.2f", ratio)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", work, f.Engine, thousands(float64(f.Rides)), measured, limit, shown)
	}
	each := func(show func(f figures)) {
		for _, f := range r.Figures {
			show(f)
		}
	}
	each(func(f figures) {
		row(f, "call flow", rate(f.Calls), "empty handler "+rate(f.Empty), over(f.Calls.Rate, f.Empty.Rate))
	})
	each(func(f figures) {
		i := slices.IndexFunc(r.Figures, func(least figures) bool { return least.Engine == f.Engine })
		if least := r.Figures[i]; least.Rides < f.Rides { // those of a size stand together, the smallest first
			row(f, "the same, beside fewer rides", rate(f.Calls), thousands(float64(least.Rides))+" rides "+rate(least.Calls), over(f.Calls.Rate, least.Calls.Rate))
		}
	})
	each(func(f figures) {
		row(f, "call flow at half of that", latency(f.CallsHalf), "empty handler "+latency(f.EmptyHalf), over(f.CallsHalf.P99, f.EmptyHalf.P99))
	})
	each(func(f figures) {
		row(f, "text accepted, forwarded and marked", rate(f.Texts), "empty handler "+rate(f.EmptyPosts), over(f.Texts.Rate, f.EmptyPosts.Rate))
	})
	each(func(f figures) {
		row(f, "the same, beside a bare relay", rate(f.Texts), "bare relay "+rate(f.BareRelay), over(f.Texts.Rate, f.BareRelay.Rate))
	})
	each(func(f figures) {
		if f.GroupCommits > 0 {
			row(f, "the same, three durable rows each", perSecond(3*f.Texts.Rate), "bare group commits "+perSecond(f.GroupCommits), over(3*f.Texts.Rate, f.GroupCommits))
		}
	})
	each(func(f figures) {
		row(f, "text accepted at half of that", latency(f.TextsHalf), "empty handler "+latency(f.EmptyPostsHalf), over(f.TextsHalf.P99, f.EmptyPostsHalf.P99))
	})
	each(func(f figures) {
		row(f, "webhook to carrier at rest", latency(f.ForwardRest), "bare forward "+latency(f.BareRest), over(f.ForwardRest.P99, f.BareRest.P99))
	})
	each(func(f figures) {
		row(f, "webhook to carrier at half", latency(f.ForwardHalf), "bare forward "+latency(f.BareHalf), over(f.ForwardHalf.P99, f.BareHalf.P99))
	})
	rides := func(work string, of func(f figures) result) {
		each(func(f figures) {
			limit, ratio := "", 0.0
			if f.GroupCommits > 0 {
				limit, ratio = "bare group commits "+perSecond(f.GroupCommits), over(of(f).Rate, f.GroupCommits)
			}
			row(f, work, rate(of(f)), limit, ratio)
		})
	}
	rides("ride created, 10,000 numbers", func(f figures) result { return f.RidesMany })
	rides("ride created, 100 numbers", func(f figures) result { return f.RidesFew })
	each(func(f figures) {
		if f.MemoryPeak > 0 {
			row(f, "resident memory", fmt.Sprintf("at rest %s, at most %s", megabytes(f.MemoryAtRest), megabytes(f.MemoryPeak)), "", 0)
		}
	})
	each(func(f figures) {
		if f.Started > 0 {
			row(f, "start, exec to the first answer", fmt.Sprintf("%.0f ms", f.Started), "", 0)
		}
	})
	fmt.Fprintf(&b, "\nOf rates more is better, and so is a higher ratio; of latencies less, and the ratio is that of the p99. The binary has %s.\n", megabytes(m.Binary))
	return b.String()
}

func over(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

func perSecond(rate float64) string { return thousands(rate) + "/s" }

// rate is empty when it was not measured, and so is latency.
func rate(r result) string {
	if r.Rate == 0 {
		return ""
	}
	return fmt.Sprintf("%s, %.0f µs of processor each", perSecond(r.Rate), r.CPU)
}

func latency(r result) string {
	if r.P99 == 0 {
		return ""
	}
	return fmt.Sprintf("p50 %.2f ms, p99 %.2f ms", r.P50, r.P99)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func megabytes(n int64) string { return fmt.Sprintf("%.0f MB", float64(n)/(1<<20)) }

// thousands writes 1234567 as 1,234,567.
func thousands(x float64) string {
	s := fmt.Sprintf("%.0f", x)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
