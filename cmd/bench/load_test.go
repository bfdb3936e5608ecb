package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// One answer that takes long must show in the latencies of all who had to wait
// for it, although only one question was under way.
func TestOpen_CountsTheWait(t *testing.T) {
	const stall = 300 * time.Millisecond
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if asked.Add(1) == 100 {
			time.Sleep(stall)
		}
	}))
	defer server.Close()
	ask := func(c *conn, _ int) func(time.Time) error {
		return func(time.Time) error {
			_, err := c.ask(get("/"))
			return err
		}
	}
	s, err := open(&child{address: strings.TrimPrefix(server.URL, "http://")}, 1, fixed(200), ask)(time.Second)
	if err != nil {
		t.Fatal(err)
	}
	r := s.result()
	// 60 of 200 questions came due in the stall: the slowest 2 of 200 had to wait for nearly all of it.
	if least := 0.9 * float64(stall.Milliseconds()); r.P99 < least {
		t.Errorf("p99 is %.0f ms, want at least %.0f", r.P99, least)
	}
	if r.Rate < 150 {
		t.Errorf("%.0f answers a second, want about 200", r.Rate)
	}
}

// What is held against each other takes turns, and every turn counts.
func TestInTurns(t *testing.T) {
	var order strings.Builder
	run := func(name string, counted int64) load {
		return func(d time.Duration) (sample, error) {
			order.WriteString(name)
			return sample{took: d, counted: counted, latencies: []time.Duration{time.Duration(counted) * time.Millisecond}}, nil
		}
	}
	r, err := inTurns(2*time.Second, run("a", 100), run("b", 50))
	if err != nil || order.String() != "abababab" {
		t.Fatalf("ran %s, %v", &order, err)
	}
	if a, b := r[0].result(), r[1].result(); a.Rate != 200 || b.Rate != 100 || a.P99 != 100 || b.P50 != 50 || len(r[0].latencies) != turns {
		t.Errorf("got %+v and %+v", a, b)
	}
	broken := func(time.Duration) (sample, error) { return sample{}, errors.New("no answer") }
	if _, err := inTurns(time.Second, run("c", 1), broken); err == nil {
		t.Error("a load failed and nobody heard of it")
	}
}

func TestConn_ReadsAnswers(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte("short and stout " + r.URL.Path))
	}))
	defer server.Close()
	c, err := dial(strings.TrimPrefix(server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for _, path := range []string{"/one", "/a/longer/one", "/two"} {
		status, err := c.ask(get(path))
		if err != nil || status != http.StatusTeapot || string(c.body) != "short and stout "+path {
			t.Errorf("%s: got %d %q, %v", path, status, c.body, err)
		}
	}
}

// Each turn's half is of what was possible in that turn.
func TestHalf(t *testing.T) {
	full := int64(1000)
	learn, rate := half(func(duration time.Duration) (sample, error) {
		return sample{took: duration, counted: int64(float64(full) * duration.Seconds())}, nil
	})
	var rates []float64
	_, err := inTurns(8*time.Second, learn, func(time.Duration) (sample, error) {
		rates = append(rates, rate())
		full += 1000
		return sample{}, nil
	})
	if want := []float64{500, 1000, 1500, 2000}; err != nil || !slices.Equal(rates, want) {
		t.Errorf("halves of %v, %v; want %v", rates, err, want)
	}
}
