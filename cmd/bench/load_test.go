package main

import (
	"net/http"
	"net/http/httptest"
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
	r, err := open(&child{address: strings.TrimPrefix(server.URL, "http://")}, 1, 200, time.Second, ask)
	if err != nil {
		t.Fatal(err)
	}
	// 60 of 200 questions came due in the stall: the slowest 2 of 200 had to wait for nearly all of it.
	if least := 0.9 * float64(stall.Milliseconds()); r.P99 < least {
		t.Errorf("p99 is %.0f ms, want at least %.0f", r.P99, least)
	}
	if r.Rate < 150 {
		t.Errorf("%.0f answers a second, want about 200", r.Rate)
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
