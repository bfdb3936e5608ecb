package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync/atomic"
	"time"
)

// carrier stands in for MessageBird's POST /messages. It takes everything at once,
// and notes when each of the load's texts came. It costs little, because it shares
// the machine with what is measured.
type carrier struct {
	listener net.Listener
	arrived  []atomic.Int64 // by the number in the text: when, in Unix nanoseconds
	awaited  []chan struct{}
	total    atomic.Int64 // messages of any kind
	texts    atomic.Int64 // of the load's texts
	doubled  atomic.Int64 // of those, came before
}

const maxTexts = 1 << 22

func newCarrier(connections int) (*carrier, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &carrier{listener: l, arrived: make([]atomic.Int64, maxTexts), awaited: make([]chan struct{}, connections)}
	for i := range c.awaited {
		c.awaited[i] = make(chan struct{}, 1)
	}
	go func() {
		for {
			tcp, err := l.Accept()
			if err != nil {
				return
			}
			go c.serve(tcp)
		}
	}()
	return c, nil
}

func (c *carrier) url() string { return "http://" + c.listener.Addr().String() }

func (c *carrier) close() { _ = c.listener.Close() }

func (c *carrier) serve(tcp net.Conn) {
	defer tcp.Close()
	in := bufio.NewReader(tcp)
	var body, message, answer []byte
	for {
		if _, err := in.Peek(1); err != nil {
			return
		}
		now := time.Now()
		length := 0
		for {
			line, err := in.ReadSlice('\n')
			if err != nil {
				return
			}
			if len(line) <= 2 {
				break
			}
			if n, ok := contentLength(line); ok {
				length = n
			}
		}
		if cap(body) < length {
			body = make([]byte, length)
		}
		body = body[:length]
		if _, err := io.ReadFull(in, body); err != nil {
			return
		}
		n := c.total.Add(1)
		c.note(body, now)
		message = fmt.Appendf(message[:0], `{"id":"%016x%016x","href":"","direction":"mt","type":"sms","recipients":{"totalCount":1,"items":[]}}`, scattered(n), n)
		answer = fmt.Appendf(answer[:0], "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(message), message)
		if _, err := tcp.Write(answer); err != nil {
			return
		}
	}
}

// scattered begins a carrier's id, 32 hexadecimal digits, of the n-th message. Such ids are in
// no order, so that an index of them is written all over: in order they would flatter who keeps one.
func scattered(n int64) uint64 { return uint64(n) * 0x9e3779b97f4a7c15 }

// textMark begins a text of the load; its number and its connection's follow.
const textMark = "Bench text "

func (c *carrier) note(body []byte, now time.Time) {
	i := bytes.Index(body, []byte(textMark))
	if i < 0 || len(body) < i+len(textMark)+12 {
		return
	}
	digits := body[i+len(textMark):]
	number, _ := strconv.Atoi(string(digits[:8]))
	connection, _ := strconv.Atoi(string(digits[9:12]))
	c.texts.Add(1)
	if !c.arrived[number].CompareAndSwap(0, now.UnixNano()) {
		c.doubled.Add(1)
		return
	}
	select {
	case c.awaited[connection] <- struct{}{}:
	default: // an open load awaits nothing
	}
}
