package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// child is a server in a process of its own.
type child struct {
	cmd     *exec.Cmd
	address string        // host:port
	started time.Duration // from exec to the first answer
	errors  bytes.Buffer
}

// start runs a program that listens on ADDR and waits until /healthz answers.
func start(ctx context.Context, env []string, name string, args ...string) (*child, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	c := &child{address: address, cmd: exec.CommandContext(ctx, name, args...)}
	c.cmd.Env = append(append(os.Environ(), env...), "ADDR="+address)
	c.cmd.Stderr = &c.errors
	began := time.Now()
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	for time.Since(began) < time.Minute {
		answer, err := http.Get("http://" + address + "/healthz")
		if err == nil {
			answer.Body.Close()
			c.started = time.Since(began)
			return c, nil
		}
		time.Sleep(time.Millisecond)
	}
	return nil, errors.Join(fmt.Errorf("%s did not answer within a minute", name), c.stop())
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// stop ends the process as an operator would. A second stop does nothing.
func (c *child) stop() error {
	if c.cmd.ProcessState != nil {
		return nil
	}
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := c.cmd.Wait(); err != nil {
		return fmt.Errorf("%w\n%s", err, c.errors.String())
	}
	return nil
}

// processor is the processor time that the process has used.
func (c *child) processor() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	// The name, in brackets, may hold anything; what follows it are numbers.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat is too short", c.cmd.Process.Pid)
	}
	ticks := 0
	for _, field := range fields[11:13] { // in user mode and in the kernel
		n, err := strconv.Atoi(string(field))
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * (time.Second / 100), nil // USER_HZ is 100 on Linux
}

// memory is the process's resident memory, in bytes: now, and its peak.
func (c *child) memory() (now, peak int64, err error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch {
		case name == "VmRSS" && err == nil:
			now = kb << 10
		case name == "VmHWM" && err == nil:
			peak = kb << 10
		}
	}
	return now, peak, lines.Err()
}
