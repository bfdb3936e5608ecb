package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"birdcar/internal/masking"
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
	s, err := open(t.Context(), &child{address: strings.TrimPrefix(server.URL, "http://")}, 1, fixed(200), ask)(time.Second)
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

// A load that runs out of work counts the time until then, and anything else that goes wrong is
// told in one short line.
func TestClosed_RunsOut(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		switch n := asked.Add(1); {
		case n > 60:
			w.WriteHeader(http.StatusConflict)
			fmt.Fprintf(w, "<p>\n%s\n</p>", masking.PoolEmpty)
		default:
			time.Sleep(10 * time.Millisecond)
			w.WriteHeader(http.StatusSeeOther)
		}
	}))
	defer server.Close()
	// Any process that lives: its processor time is read.
	self := &child{address: strings.TrimPrefix(server.URL, "http://"), cmd: &exec.Cmd{Process: &os.Process{Pid: os.Getpid()}}}
	people := []masking.Party{{ID: 1}}
	s, err := closed(self, 2, riding(people, people, ""))(time.Second)
	if err != nil || s.answers != 60 || s.counted > 59 || s.took <= 0 || s.took > 500*time.Millisecond {
		t.Errorf("got %+v, %v; want the answers of the time until there was nothing more to do", s, err)
	}
	asked.Store(1000)
	if _, err = closed(self, 2, riding(people, people, ""))(time.Second); err == nil || !strings.Contains(err.Error(), "no more to do before it had warmed up") {
		t.Errorf("nothing to do from the beginning: got %v, want that it is no figure", err)
	}
	c := &conn{body: []byte("<p>\n" + strings.Repeat("long ", 1000))}
	if got := c.unexpected("a ride", 409).Error(); !strings.HasPrefix(got, "a ride was answered with 409 <p> long ") || len(got) > 300 {
		t.Errorf("got %d characters, %q", len(got), got)
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

// A load that brings nothing is told; it neither goes on for ever nor is a figure of 0.
func TestOpen_AtNoRate(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	never := func(*conn, int) func(time.Time) error {
		return func(time.Time) error { return errors.New("nothing was due") }
	}
	address := strings.TrimPrefix(server.URL, "http://")
	for _, rate := range []float64{0, -1, math.NaN()} {
		s, err := open(t.Context(), &child{address: address}, 1, fixed(rate), never)(time.Second)
		if err == nil || !strings.Contains(err.Error(), "times a second") {
			t.Errorf("at a rate of %g: got %+v, %v; want an error", rate, s.result(), err)
		}
	}
	if _, err := open(t.Context(), &child{address: address}, 1, fixed(1), never)(time.Millisecond); err == nil || !strings.Contains(err.Error(), "not one answer") {
		t.Errorf("before anything was due: got %v, want that it is no figure", err)
	}
}

// Nobody takes what is due any more: a signal still ends the pace.
func TestPace_Stops(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	due := make(chan time.Time)
	paced := make(chan error, 1)
	go func() { paced <- pace(ctx, 1000, time.Now().Add(time.Hour), due) }()
	<-due
	stop()
	for range due { // one may have been on its way
	}
	if err := <-paced; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was stopped", err)
	}
}

func TestRead(t *testing.T) {
	b, err := read([]string{"-sizes", "100,2000", "-duration", "1s", "-out", "x"})
	if err != nil || !slices.Equal(b.sizes, []int{100, 2000}) || b.duration != time.Second || b.out != "x" || b.connections != 64 {
		t.Errorf("got %+v, %v", b, err)
	}
	for arguments, want := range map[string]string{
		"-duration 0s":      "-duration 0s: want 1s at least",
		"-duration 100ms":   "-duration 100ms: want 1s at least",
		"-sizes 1000,many":  "-sizes 1000,many: want numbers of 100 at least",
		"-sizes 99":         "-sizes 99: want numbers of 100 at least",
		"-connections 0":    "-connections 0: want 1 to 999",
		"-connections 1000": "-connections 1000: want 1 to 999",
		"-wings 2":          "flag provided but not defined: -wings",
		"fast":              `"fast" is no flag; -h lists them`,
	} {
		if _, err := read(strings.Fields(arguments)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", arguments, err, want)
		}
	}
}
