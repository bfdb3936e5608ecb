package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Node is a PostgreSQL server of a test's own, which the test may kill.
type Node struct {
	Port  int
	dir   string
	tools tools
	guard *exec.Cmd // ends the server when stdin is closed
	stdin io.Closer
}

// tools are the programs of PostgreSQL and who may run them: it refuses root.
type tools struct {
	bin   string
	owner *syscall.Credential // nil: whoever runs the test
}

var errNoPostgres = errors.New("PostgreSQL's programs are not on this machine (Debian: apt install postgresql) and TEST_POSTGRES_URL is not set")

func findTools() (tools, error) {
	candidates, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.SortFunc(candidates, func(a, b string) int { return version(b) - version(a) })
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		candidates = append(candidates, strings.TrimSpace(string(out)))
	}
	for _, bin := range candidates {
		if _, err := os.Stat(filepath.Join(bin, "initdb")); err != nil {
			continue
		}
		t := tools{bin: bin}
		if os.Getuid() != 0 {
			return t, nil
		}
		owner, err := user.Lookup("postgres")
		if err != nil {
			return t, fmt.Errorf("PostgreSQL does not run as root, and there is no user postgres: %w", err)
		}
		uid, _ := strconv.ParseUint(owner.Uid, 10, 32)
		gid, _ := strconv.ParseUint(owner.Gid, 10, 32)
		t.owner = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return t, nil
	}
	return tools{}, errNoPostgres
}

// version is 15 for /usr/lib/postgresql/15/bin.
func version(bin string) int {
	v, _ := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
	return v
}

func (t tools) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(t.bin, program), args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: t.owner, Setpgid: true}
	cmd.Dir = os.TempDir()
	return cmd
}

func (t tools) run(program string, args ...string) error {
	out, err := t.command(program, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, out)
	}
	return nil
}

// makeDir makes a directory for a server's files, whose owner is the server's.
func (t tools) makeDir() (string, error) {
	dir, err := os.MkdirTemp("", "birdcar-postgres-")
	if err == nil && t.owner != nil {
		err = os.Chown(dir, int(t.owner.Uid), int(t.owner.Gid))
	}
	return dir, err
}

func (t tools) initdb(dir string) error {
	return t.run("initdb", "-D", filepath.Join(dir, "data"), "-U", "postgres", "--auth=trust",
		"--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions")
}

// guarded starts the server and stops and removes it once the pipe that it reads
// from is closed: also when the test's process dies, however that comes about.
const guarded = `"$@" & server=$!
read -r _
kill -QUIT $server
wait $server
rm -rf "$dir"`

func (t tools) start(dir string, settings ...string) (*Node, error) {
	n := &Node{dir: dir, tools: t}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	n.Port = listener.Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	settings = append([]string{"listen_addresses=127.0.0.1", "unix_socket_directories=", fmt.Sprintf("port=%d", n.Port),
		"max_connections=400", "autovacuum_naptime=5s"}, settings...)
	args := []string{"-c", guarded, "sh", filepath.Join(t.bin, "postgres"), "-D", filepath.Join(dir, "data")}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	n.guard = exec.Command("/bin/sh", args...)
	n.guard.Dir = os.TempDir()
	n.guard.Env = append(os.Environ(), "dir="+dir)
	n.guard.SysProcAttr = &syscall.SysProcAttr{Credential: t.owner, Setpgid: true}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	n.guard.Stdout, n.guard.Stderr = log, log
	if n.stdin, err = n.guard.StdinPipe(); err != nil {
		return nil, err
	}
	if err := n.guard.Start(); err != nil {
		return nil, err
	}
	return n, n.await()
}

// await returns once the server takes connections.
func (n *Node) await() error {
	var err error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		if err = n.tools.run("pg_isready", "-q", "-h", "127.0.0.1", "-p", strconv.Itoa(n.Port)); err == nil {
			return nil
		}
	}
	return errors.Join(err, errors.New(n.Log()))
}

// Log is what the server wrote about itself.
func (n *Node) Log() string {
	log, _ := os.ReadFile(filepath.Join(n.dir, "log"))
	return string(bytes.TrimSpace(log))
}

// Stop ends the server, if nobody killed it, and removes its files.
func (n *Node) Stop() {
	_ = n.stdin.Close()
	_ = n.guard.Wait()
}

// URL is of the database postgres on all nodes, in this order; writes go to the
// one that takes them.
func URL(nodes ...*Node) string {
	hosts := make([]string, len(nodes))
	for i, n := range nodes {
		hosts[i] = net.JoinHostPort("127.0.0.1", strconv.Itoa(n.Port))
	}
	u := url.URL{Scheme: "postgres", User: url.User("postgres"), Host: strings.Join(hosts, ","), Path: "/postgres",
		RawQuery: "sslmode=disable"}
	if len(nodes) > 1 {
		u.RawQuery += "&target_session_attrs=read-write&connect_timeout=2"
	}
	return u.String()
}

// startShared starts the server that the tests of this process share. Nothing on it
// outlives the process, so nothing waits for the disk.
func startShared() (n *Node, skipped string, err error) {
	t, err := findTools()
	if errors.Is(err, errNoPostgres) {
		return nil, err.Error(), nil
	} else if err != nil {
		return nil, "", err
	}
	n, err = t.startHasty("shared_buffers=64MB", "max_wal_size=4GB")
	return n, "", err
}

// startHasty starts a server on new files that never waits for the disk.
func (t tools) startHasty(settings ...string) (*Node, error) {
	dir, err := t.makeDir()
	if err != nil {
		return nil, err
	}
	if err := t.initdb(dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return t.start(dir, append(settings, "fsync=off", "full_page_writes=off")...)
}

// FewLocks starts a server until the test's end that has memory for less than a thousand locks; by
// default there is some for ten times as many.
func FewLocks(t testing.TB) *Node {
	t.Helper()
	n, err := mustFindTools(t).startHasty("max_locks_per_transaction=10", "max_connections=30",
		"max_wal_senders=0", "max_worker_processes=0") // each of which would be given some too
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Stop)
	return n
}

// mustFindTools skips the test where there is no PostgreSQL; with CI set, it fails.
func mustFindTools(t testing.TB) tools {
	t.Helper()
	tools, err := findTools()
	switch {
	case err != nil && os.Getenv("CI") == "" && errors.Is(err, errNoPostgres):
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	return tools
}

// Pair starts a primary and a standby that every commit waits for, both writing
// to disk as in earnest, until the test's end.
func Pair(t testing.TB) (primary, standby *Node) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	tools, dirs := mustFindTools(t), make([]string, 2)
	for i := range dirs {
		dirs[i], err = tools.makeDir()
		must(err)
	}
	must(tools.initdb(dirs[0]))
	primary, err = tools.start(dirs[0])
	must(err)
	t.Cleanup(primary.Stop)
	must(tools.run("pg_basebackup", "-h", "127.0.0.1", "-p", strconv.Itoa(primary.Port), "-U", "postgres",
		"-D", filepath.Join(dirs[1], "data"), "-R", "-X", "stream", "-C", "-S", "standby", "--checkpoint=fast"))
	standby, err = tools.start(dirs[1], "primary_slot_name=standby", fmt.Sprintf(
		"primary_conninfo=host=127.0.0.1 port=%d user=postgres application_name=standby", primary.Port))
	must(err)
	t.Cleanup(standby.Stop)
	must(execute(URL(primary), "ALTER SYSTEM SET synchronous_standby_names = 'standby'", "SELECT pg_reload_conf()"))
	must(eventually(URL(primary), "SELECT current_setting('synchronous_standby_names') = 'standby'"))
	// The checkpointer, which lets commits wait, learns settings before it makes a checkpoint.
	must(execute(URL(primary), "CHECKPOINT"))
	must(eventually(URL(primary), "SELECT EXISTS (SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync')"))
	return primary, standby
}

// Kill ends the server with SIGKILL: it tells nobody and writes nothing more.
func (n *Node) Kill(t testing.TB) {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(n.dir, "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(file), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	children := childrenOf(pid)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	// They would end by themselves, but a standby's would say until then that it has
	// what the primary sends.
	for _, child := range children {
		_ = syscall.Kill(child, syscall.SIGKILL) // perhaps it was faster
	}
}

// childrenOf are the processes that pid started and that still run.
func childrenOf(pid int) (children []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// proc(5): pid (name) state parent …; the name may hold anything.
		id, rest, _ := strings.Cut(string(stat), " (")
		fields := strings.Fields(rest[strings.LastIndex(rest, ")")+1:])
		if len(fields) < 2 || fields[1] != strconv.Itoa(pid) {
			continue
		}
		if child, err := strconv.Atoi(id); err == nil {
			children = append(children, child)
		}
	}
	return children
}

// Promote makes a standby the primary.
func (n *Node) Promote(t testing.TB) {
	t.Helper()
	if err := n.tools.run("pg_ctl", "promote", "-D", filepath.Join(n.dir, "data")); err != nil {
		t.Fatal(err)
	}
}
