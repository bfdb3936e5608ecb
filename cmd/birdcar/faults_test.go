package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"birdcar/internal/carrier"
	"birdcar/internal/store"
)

// faulty is the program with one ride, before a MessageBird that takes everything
// in its own time.
type faulty struct {
	*process
	t        *testing.T
	database string
	env      map[string]string
	carrier  *hostile
	ada, ben *texter
	texts    int
}

func newFaulty(t *testing.T, env map[string]string) *faulty {
	t.Helper()
	f := &faulty{t: t, database: newDatabase(t), carrier: newHostile(t, rand.New(rand.NewPCG(1, 1)), 0)}
	f.carrier.peaceful.Store(true)
	people := connectPeople(t, f.database, 1)
	f.ada, f.ben = people[0], people[1]
	f.env = map[string]string{"MESSAGEBIRD_API_KEY": "live_key", "MESSAGEBIRD_API_URL": f.carrier.URL, "WEBHOOK_TOKEN": tortureToken,
		"MESSAGEBIRD_SIGNING_KEY": "q8Zr2VxT", "PUBLIC_URL": "https://birdcar.example"}
	for name, value := range env {
		f.env[name] = value
	}
	f.process = launch(t, f.database, f.env)
	return f
}

// text posts the next text of Ada's, or the last one again, and notes it when it
// was answered with OK.
func (f *faulty) text(again bool) (status int) {
	if !again {
		f.texts++
	}
	body := fmt.Sprintf("text-%d", f.texts)
	if status = f.ada.post(f.base, body, body); status == http.StatusOK {
		f.ada.accepted = append(f.ada.accepted, body)
	}
	return status
}

// callSigned fetches the call flow of a call of Ada's with a signature and without the token,
// twice: it connects once.
func (f *faulty) callSigned(when string) {
	f.t.Helper()
	target := "/webhook-voice?source=" + digits(f.ada.from) + "&destination=" + digits(f.ada.proxy)
	signature, err := carrier.Sign(f.env["MESSAGEBIRD_SIGNING_KEY"], f.env["PUBLIC_URL"]+target, nil, time.Now())
	if err != nil {
		f.t.Fatal(err)
	}
	for _, want := range []int{http.StatusOK, http.StatusUnauthorized} {
		request, err := http.NewRequest(http.MethodGet, f.base+target, nil)
		if err != nil {
			f.t.Fatal(err)
		}
		request.Header.Set(carrier.SignatureHeader, signature)
		asked := time.Now()
		response, err := http.DefaultClient.Do(request)
		got := receive(f.t, response, err)
		if got.status != want || (want == http.StatusOK) != (got.body == transferTo(f.ada.to)) || time.Since(asked) > 2*time.Second {
			f.t.Errorf("%s, a signed call is answered after %v with %d %s, want %d", when, time.Since(asked), got.status, got.body, want)
		}
	}
}

// arrived waits until all that was answered with OK reached MessageBird, and fails
// unless each did once and in order.
func (f *faulty) arrived() {
	f.t.Helper()
	if waiting := awaitSent(f.t, f.database); waiting > 0 {
		f.t.Errorf("%d messages still wait\n%s", waiting, f.log)
	}
	v := judge([]*texter{f.ada, f.ben}, f.carrier.messages())
	if v.accepted == 0 || v.reached != v.accepted || v.lost+v.doubled+v.disordered+v.misdirected > 0 {
		f.t.Errorf("of %d texts %d reached MessageBird, lost %d, doubled %d, out of order %d %q",
			v.accepted, v.reached, v.lost, v.doubled, v.disordered, v.examples)
	}
	if integrity := integrityOf(f.t, f.database); integrity != "ok" {
		f.t.Errorf("the integrity check says %s", integrity)
	}
}

func awaitSent(t *testing.T, database string) (waiting int) {
	t.Helper()
	db := readDatabase(t, database)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err := db.QueryRow("SELECT COUNT(*) FROM messages WHERE state IN ('queued', 'sending')").Scan(&waiting); err != nil {
			t.Fatal(err)
		}
		if waiting == 0 {
			break
		}
	}
	return waiting
}

// A full disk takes no text, says so, and loses none; calls are answered on.
func TestFault_DiskFull(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("makes the disk full with LD_PRELOAD, which only Linux has")
	}
	shim := filepath.Join(t.TempDir(), "disk_full.so")
	if out, err := exec.Command("cc", "-shared", "-fPIC", "-o", shim, "testdata/disk_full.c", "-ldl").CombinedOutput(); err != nil {
		t.Fatalf("cc: %v\n%s", err, out)
	}
	flag := filepath.Join(t.TempDir(), "full")
	f := newFaulty(t, map[string]string{"LD_PRELOAD": shim, "DISK_FULL": flag})
	for range 5 {
		if got := f.text(false); got != http.StatusOK {
			t.Fatalf("before, a text is answered with %d", got)
		}
	}
	if err := os.WriteFile(flag, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if got := f.text(i > 0); got != http.StatusServiceUnavailable {
			t.Errorf("on a full disk, a text is answered with %d, want 503", got)
		}
		if got := f.instance().callIn(t, f.ada.from, f.ada.proxy); got.status != http.StatusOK || got.body != transferTo(f.ada.to) {
			t.Errorf("on a full disk, a call is answered with %d %s", got.status, got.body)
		}
		f.callSigned("on a full disk")
	}
	if got := statusOf(http.Get(f.base + "/readyz")); got != http.StatusServiceUnavailable {
		t.Errorf("on a full disk, /readyz answers %d", got)
	}
	if err := os.Remove(flag); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if got := f.text(i == 0); got != http.StatusOK {
			t.Errorf("with room again, a text is answered with %d", got)
		}
	}
	f.arrived()
}

// The disk becomes full between a message's leaving and the note that it left:
// the note is written once there is room, and the message does not leave again.
func TestFault_DiskFullWhileSending(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("makes the disk full with LD_PRELOAD, which only Linux has")
	}
	shim := filepath.Join(t.TempDir(), "disk_full.so")
	if out, err := exec.Command("cc", "-shared", "-fPIC", "-o", shim, "testdata/disk_full.c", "-ldl").CombinedOutput(); err != nil {
		t.Fatalf("cc: %v\n%s", err, out)
	}
	flag := filepath.Join(t.TempDir(), "full")
	f := newFaulty(t, map[string]string{"LD_PRELOAD": shim, "DISK_FULL": flag})
	f.carrier.mu.Lock()
	full := sync.OnceFunc(func() { _ = os.WriteFile(flag, nil, 0o600) })
	f.carrier.fates = []fate{{"disk full meanwhile", 1, 1, true, func(_ http.ResponseWriter, answer func()) { full(); answer() }}}
	f.carrier.mu.Unlock()
	if waiting := awaitSent(t, f.database); waiting > 0 {
		t.Fatalf("%d confirmations still wait", waiting)
	}
	f.carrier.peaceful.Store(false)
	if got := f.text(false); got != http.StatusOK {
		t.Fatalf("a text is answered with %d", got)
	}
	f.log.await(t, "was not marked")
	if err := os.Remove(flag); err != nil {
		t.Fatal(err)
	}
	if got := f.text(false); got != http.StatusOK {
		t.Errorf("with room again, a text is answered with %d", got)
	}
	f.arrived()
}

// Another process holds the database for longer than anybody waits for it.
func TestFault_DatabaseLocked(t *testing.T) {
	f := newFaulty(t, nil)
	if got := f.text(false); got != http.StatusOK {
		t.Fatalf("before, a text is answered with %d", got)
	}
	db, err := sql.Open("sqlite3", "file:"+f.database+"?_busy_timeout=5000&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	var texts sync.WaitGroup
	for range 20 { // together: they must not wait for each other's waiting
		texts.Go(func() {
			ben := *f.ben // who counts for himself
			if got := ben.post(f.base, "locked", "locked"); got != http.StatusServiceUnavailable {
				t.Errorf("while the database is locked, a text is answered with %d, want 503", got)
			}
		})
	}
	for range 10 {
		asked := time.Now()
		if got := f.instance().callIn(t, f.ada.from, f.ada.proxy); got.body != transferTo(f.ada.to) || time.Since(asked) > 2*time.Second {
			t.Errorf("while the database is locked, a call is answered after %v with %s", time.Since(asked), got.body)
		}
		f.callSigned("while the database is locked")
	}
	texts.Wait()
	if took := time.Since(began); took < 4*time.Second || took > 30*time.Second {
		t.Errorf("the texts were refused after %v, want some five seconds, and not that for each", took)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if got := f.ben.post(f.base, "locked", "locked"); got != http.StatusOK {
		t.Errorf("once the database is free, a text is answered with %d", got)
	}
	f.ben.accepted = append(f.ben.accepted, "locked")
	f.arrived()
}

// SIGTERM lets what is being sent finish, and keeps what is not for the next start.
func TestFault_Terminate(t *testing.T) {
	f := newFaulty(t, map[string]string{"OUTBOX_WORKERS": "1", "SHUTDOWN_GRACE": "20s"})
	if waiting := awaitSent(t, f.database); waiting > 0 {
		t.Fatalf("%d confirmations still wait", waiting)
	}
	began, answer := make(chan struct{}), make(chan struct{})
	f.carrier.mu.Lock()
	f.carrier.fates = []fate{{"waits", 1, 1, true, func(_ http.ResponseWriter, a func()) { close(began); <-answer; a() }}}
	f.carrier.mu.Unlock()
	f.carrier.peaceful.Store(false)
	for range 5 {
		if got := f.text(false); got != http.StatusOK {
			t.Fatalf("a text is answered with %d", got)
		}
	}
	<-began
	go func() {
		f.log.await(t, "stopping")
		for statusOf(http.Get(f.base+"/healthz")) != 0 { // until nobody is let in any more
		}
		close(answer)
	}()
	f.terminate()
	if texts := slices.DeleteFunc(f.carrier.messages(), func(m takenMessage) bool { return m.to != f.ada.to || m.Body[:4] != "text" }); len(texts) != 1 {
		t.Errorf("%d texts had reached MessageBird at the end, want the one in hand", len(texts))
	}
	var left int
	if err := readDatabase(t, f.database).QueryRow("SELECT COUNT(*) FROM messages WHERE state = 'sending'").Scan(&left); err != nil || left > 0 {
		t.Errorf("%d messages are still claimed, %v", left, err)
	}
	f.process = launch(t, f.database, f.env)
	f.arrived()
	f.carrier.mu.Lock()
	defer f.carrier.mu.Unlock()
	if n := f.carrier.counted["questions"]; n > 0 {
		t.Errorf("MessageBird was asked about %d messages, although none was uncertain", n)
	}
}

// A send that outlasts the grace does not keep the program; the next start asks
// MessageBird what became of it.
func TestFault_TerminateWithoutPatience(t *testing.T) {
	f := newFaulty(t, map[string]string{"SHUTDOWN_GRACE": "1s"})
	if waiting := awaitSent(t, f.database); waiting > 0 {
		t.Fatalf("%d confirmations still wait", waiting)
	}
	began := make(chan struct{})
	f.carrier.mu.Lock()
	f.carrier.fates = []fate{{"never answers", 1, 1, true, func(w http.ResponseWriter, _ func()) { close(began); hang(w) }}}
	f.carrier.mu.Unlock()
	f.carrier.peaceful.Store(false)
	for range 2 {
		if got := f.text(false); got != http.StatusOK {
			t.Fatalf("a text is answered with %d", got)
		}
	}
	<-began
	if took := f.terminate(); took > 5*time.Second {
		t.Errorf("SIGTERM took %v with a grace of one second", took)
	}
	f.process = launch(t, f.database, f.env)
	f.arrived()
}

// Nor does a database that hangs, as PostgreSQL does without its synchronous standby: a
// write that gets no answer outlasts the grace, and the end says so.
func TestFault_StopWhileTheDatabaseHangs(t *testing.T) {
	s, err := store.Open(t.Context(), newDatabase(t), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	began, answer, written := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		written <- s.Tx(context.Background(), func(context.Context, *store.Tx) error {
			close(began)
			<-answer
			return nil
		})
	}()
	<-began
	var log bytes.Buffer
	a := &app{store: s, log: slog.New(slog.NewTextHandler(&log, nil)), stopBy: time.Now()}
	a.closeStore()
	if !strings.Contains(log.String(), "the database was not closed well") || !strings.Contains(log.String(), "it does not answer") {
		t.Errorf("the log has %q; want why the database was left open", &log)
	}
	close(answer)
	if err := errors.Join(<-written, s.Close()); err != nil {
		t.Error(err)
	}
}

// What MessageBird says unasked may be a text and whose it is: it is in no log.
func TestFault_AnsweredTwice(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	message := `{"id":"1","body":"my door code is 4711","recipients":{"items":[{"recipient":447700900200}]}}`
	hungUp := make(chan struct{}, 100)
	answerTwice := func(tcp net.Conn) {
		defer tcp.Close()
		if _, err := http.ReadRequest(bufio.NewReader(tcp)); err != nil {
			return
		}
		for range 2 {
			fmt.Fprintf(tcp, "HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%s", len(message), message)
			time.Sleep(50 * time.Millisecond)
		}
		_, _ = io.Copy(io.Discard, tcp)
		hungUp <- struct{}{}
	}
	go func() {
		for {
			tcp, err := listener.Accept()
			if err != nil {
				return
			}
			go answerTwice(tcp)
		}
	}()
	f := newFaulty(t, map[string]string{"MESSAGEBIRD_API_URL": "http://" + listener.Addr().String()})
	if status := f.text(false); status != http.StatusOK {
		t.Fatalf("a text was answered with %d", status)
	}
	select {
	case <-hungUp:
	case <-time.After(patience):
		t.Fatal("the connection that says more than it was asked stays")
	}
	f.terminate()
	if log := f.log.String(); strings.Contains(log, "4711") || strings.Contains(log, "447700900200") {
		t.Errorf("the log has it:\n%s", log)
	}
}
