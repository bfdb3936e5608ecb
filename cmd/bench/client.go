package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

// conn is one kept-alive HTTP/1.1 connection that sends requests made beforehand.
// net/http's client takes more of a processor than the server that it asks; on a machine
// that both share, it would be what is measured.
type conn struct {
	tcp  net.Conn
	in   *bufio.Reader
	body []byte // of the last answer
}

func dial(address string) (*conn, error) {
	tcp, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &conn{tcp: tcp, in: bufio.NewReaderSize(tcp, 4096)}, nil
}

func (c *conn) close() { _ = c.tcp.Close() }

// ask sends a request and returns the status of the answer; its body is in c.body
// until the next one.
func (c *conn) ask(request []byte) (status int, err error) {
	if err := c.send(request); err != nil {
		return 0, err
	}
	return c.receive()
}

func (c *conn) send(request []byte) error {
	_, err := c.tcp.Write(request)
	return err
}

// receive is the second half of ask.
func (c *conn) receive() (status int, err error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, fmt.Errorf("not an answer: %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, err
	}
	length := -1
	for {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return 0, err
		}
		if len(line) <= 2 {
			break
		}
		if n, ok := contentLength(line); ok {
			length = n
		}
	}
	if length < 0 {
		return 0, errors.New("an answer without Content-Length")
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	c.body = c.body[:length]
	_, err = io.ReadFull(c.in, c.body)
	return status, err
}

// unexpected is an answer that is not the right one, in a line: it may be a whole page.
func (c *conn) unexpected(to string, status int) error {
	return fmt.Errorf("%s was answered with %d %.200s", to, status, oneLine(string(c.body)))
}

var lengthHeader = []byte("Content-Length:")

func contentLength(line []byte) (n int, ok bool) {
	if len(line) < len(lengthHeader) || !bytes.EqualFold(line[:len(lengthHeader)], lengthHeader) {
		return 0, false
	}
	for _, c := range bytes.TrimSpace(line[len(lengthHeader):]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}
