package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// request is one made beforehand. A form makes it a POST.
type request struct {
	path, form string
	raw        []byte // all of it, as it goes over the socket
}

// conn is one kept-alive HTTP/1.1 connection. net/http's client takes more of a
// processor than the server that it asks; on a machine that both share, it would be
// what is measured. So a conn is a socket, unless it was made by dialUsual.
type conn struct {
	tcp  net.Conn
	in   *bufio.Reader
	body []byte // of the last answer

	usual  *http.Client
	url    string // of the server
	status int    // of the last answer
}

// dialer makes a conn to a server.
type dialer func(address string) (*conn, error)

func dial(address string) (*conn, error) {
	tcp, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &conn{tcp: tcp, in: bufio.NewReaderSize(tcp, 4096)}, nil
}

var usualClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1000}}

// dialUsual makes a conn that asks through net/http's client, as a load written in Go
// usually does.
func dialUsual(address string) (*conn, error) {
	return &conn{usual: usualClient, url: "http://" + address}, nil
}

func (c *conn) close() {
	if c.usual == nil {
		_ = c.tcp.Close()
		return
	}
	c.usual.CloseIdleConnections()
}

// ask sends a request and returns the status of the answer; its body is in c.body
// until the next one.
func (c *conn) ask(r request) (status int, err error) {
	if err := c.send(r); err != nil {
		return 0, err
	}
	return c.receive()
}

// send is the first half of ask. Through net/http's client it is the whole of it.
func (c *conn) send(r request) error {
	if c.usual == nil {
		_, err := c.tcp.Write(r.raw)
		return err
	}
	var answer *http.Response
	var err error
	if r.form == "" {
		answer, err = c.usual.Get(c.url + r.path)
	} else {
		answer, err = c.usual.Post(c.url+r.path, formType, strings.NewReader(r.form))
	}
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	c.status = answer.StatusCode
	c.body, err = io.ReadAll(answer.Body)
	return err
}

// receive is the second half of ask.
func (c *conn) receive() (status int, err error) {
	if c.usual != nil {
		return c.status, nil
	}
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
