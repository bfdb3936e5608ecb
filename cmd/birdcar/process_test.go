package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the real program, built once for the tests that need it as a process
// of its own; with the race detector where the tests have it.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "birdcar-")
	if err != nil {
		return "", err
	}
	binaryDir = dir
	path := filepath.Join(dir, "birdcar")
	args := []string{"build", "-o", path}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "-race" && s.Value == "true" {
				args = append(args, "-race")
			}
		}
	}
	out, err := exec.Command("go", append(args, ".")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

var binaryDir string

func TestMain(m *testing.M) {
	code := m.Run()
	if binaryDir != "" {
		_ = os.RemoveAll(binaryDir)
	}
	os.Exit(code)
}

// process is the program as its own process, which a test can kill.
type process struct {
	t     *testing.T
	base  string // http://127.0.0.1:port
	token string // of the webhooks
	cmd   *exec.Cmd
	out   *output // standard output
	log   *output // standard error
	ended chan struct{}
	err   error // how it ended, once it did
}

// launch starts the program over the database and waits until it listens. Its end
// is the test's business until the test's own end, which kills it.
func launch(t *testing.T, database string, env map[string]string) *process {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(path), out: newOutput(), log: newOutput(), ended: make(chan struct{})}
	p.cmd.Dir = t.TempDir() // where there is no .env
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.log
	p.cmd.Env = []string{"ADDR=127.0.0.1:0", "DATABASE_URL=" + database, "DEFAULT_COUNTRY=GB"}
	for name, value := range env {
		p.cmd.Env = append(p.cmd.Env, name+"="+value)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(p.kill)
	deadline := time.After(patience)
	for !printedToken.MatchString(p.out.String()) {
		select {
		case <-p.out.changed:
		case <-p.ended:
			t.Fatalf("the program ended: %v\n%s", p.err, p.log)
		case <-deadline:
			t.Fatalf("the program printed no webhook URLs:\n%s%s", p.out, p.log)
		}
	}
	p.base = printedBase.FindString(p.out.String())
	p.token = printedToken.FindStringSubmatch(p.out.String())[1]
	return p
}

// kill ends the program with SIGKILL: nothing of it runs from then on.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	<-p.ended
}

// terminate ends the program with SIGTERM, waits, and returns how long that took.
func (p *process) terminate() time.Duration {
	p.t.Helper()
	began := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatalf("SIGTERM did not end the program\n%s", p.log)
	}
	var exit *exec.ExitError
	if errors.As(p.err, &exit) {
		p.t.Errorf("the program ended with %v\n%s", exit, p.log)
	}
	return time.Since(began)
}

// await waits until the text is in what was written.
func (o *output) await(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(patience)
	for !strings.Contains(o.String(), text) {
		select {
		case <-o.changed:
		case <-deadline:
			t.Errorf("%q was not written:\n%s", text, o)
			return
		}
	}
}

// instance is the process as what it serves.
func (p *process) instance() *instance {
	return &instance{base: p.base, token: p.token, out: p.out, log: p.log, stop: func() { p.terminate() }}
}

// statusOf is the status of an answer whose body is of no interest; 0: there was none.
func statusOf(response *http.Response, err error) int {
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, response.Body) // else the connection is not used again
	_ = response.Body.Close()
	return response.StatusCode
}
