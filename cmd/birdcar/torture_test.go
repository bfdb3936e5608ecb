package main

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"birdcar/internal/exchange"
	"birdcar/internal/masking"
	"birdcar/internal/store"
)

const tortureToken = "a-token-for-tests"

// loadClient is the carrier's side of all webhooks.
var loadClient = &http.Client{
	Timeout:   20 * time.Second,
	Transport: &http.Transport{MaxIdleConns: 1000, MaxIdleConnsPerHost: 500},
}

// torture is how hard the test is; TORTURE=1 asks for the long form.
type torture struct {
	rides int
	kills int
	every time.Duration // between two kills, at most
	hangs int           // answers that never come, each of which takes 15 seconds
}

var shortTorture, longTorture = torture{rides: 60, kills: 3, every: 2 * time.Second, hangs: 1},
	torture{rides: 200, kills: 30, every: 5 * time.Second, hangs: 40}

func howHard() torture {
	if os.Getenv("TORTURE") != "" {
		return longTorture
	}
	return shortTorture
}

// Many people text at once, MessageBird fails in every way it can, and the program
// is killed again and again. What was answered with OK must reach the other party,
// once, in order.
func TestTorture(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	hard := howHard()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, seed))

	database := newDatabase(t)
	people := connectPeople(t, database, hard.rides)
	messageBird := newHostile(t, random, hard.hangs)
	env := map[string]string{"MESSAGEBIRD_API_KEY": "live_key", "MESSAGEBIRD_API_URL": messageBird.URL, "WEBHOOK_TOKEN": tortureToken,
		"ADMIN_PASSWORD": "correct horse"}
	program := launch(t, database, env)
	var base atomic.Value
	base.Store(program.base)
	messageBird.aim(func() string { return base.Load().(string) })

	ctx, enough := context.WithCancel(context.Background())
	defer enough()
	var texting sync.WaitGroup
	for _, p := range people {
		texting.Go(func() { p.text(ctx, messageBird, messageBird.base) })
	}
	moment := func() time.Duration { return hard.every/4 + rand.N(hard.every*3/4) }
	slowest := time.Duration(0)
	for range hard.kills {
		time.Sleep(moment()) // the moment of the kill is what the test is about
		program.kill()
		began := time.Now()
		program = launch(t, database, env)
		base.Store(program.base)
		slowest = max(slowest, time.Since(began))
	}
	time.Sleep(moment())
	enough()
	texting.Wait()
	waiting := awaitQuiet(t, database, messageBird)
	base.Store("") // for reports that nobody waits for
	program.terminate()

	if waiting > 0 {
		t.Logf("what waits first in each lane:\n%s", firstOfLanes(t, database))
	}
	v := judge(people, messageBird.messages())
	integrity := integrityOf(t, database)
	t.Logf("%d kills, slowest start %v; webhooks sent: %d, of them repeats: %d; MessageBird: %v",
		hard.kills, slowest.Round(time.Millisecond), v.posts, v.posts-v.accepted, messageBird.counted)
	t.Logf("accepted: %d texts, reached the carrier: %d (in %d messages), lost: %d, doubled: %d, out of order per person: %d; "+
		"notices to senders: %d for %d texts that no phone took; integrity check: %s",
		v.accepted, v.reached, v.messages, v.lost, v.doubled, v.disordered, v.notices, v.failed, integrity)
	if v.accepted == 0 || v.lost+v.doubled+v.disordered+v.misdirected > 0 || v.notices != v.failed || integrity != "ok" || waiting > 0 {
		t.Errorf("lost %d, doubled %d, out of order %d, at the wrong person %d, notices %d for %d, still waiting %d, integrity %s\n%s",
			v.lost, v.doubled, v.disordered, v.misdirected, v.notices, v.failed, waiting, integrity, strings.Join(v.examples, "\n"))
	}
}

// texter texts the other party of a ride through its proxy number.
type texter struct {
	name       string
	from, to   string // digits
	proxy      string
	accepted   []string // the texts answered with OK, in their order
	posts      int
	undelivers map[string]bool // texts that no phone takes
}

// connectPeople makes rides in a new database, whose confirmations wait for the
// program's first start.
func connectPeople(t testing.TB, database string, rides int) (people []*texter) {
	t.Helper()
	ctx := context.Background()
	s, err := store.Open(ctx, database, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}()
	x, err := exchange.New(exchange.Config{Store: s, Outbox: nobody{}, Zone: time.UTC, Country: "GB", RideLimit: time.Hour,
		Linger: time.Hour, Lease: time.Minute, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for i := range max(2, rides/2) {
		if _, err := x.AddNumber(ctx, fmt.Sprintf("+44207946%04d", i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range rides {
		customer, err := x.AddParty(ctx, masking.Customer, "Ada", fmt.Sprintf("+447700900%03d", i))
		if err != nil {
			t.Fatal(err)
		}
		driver, err := x.AddParty(ctx, masking.Driver, "Ben", fmt.Sprintf("+447700900%03d", 999-i))
		if err != nil {
			t.Fatal(err)
		}
		ride, err := x.ScheduleRide(ctx, masking.RideRequest{CustomerID: customer.ID, DriverID: driver.ID, At: time.Now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		c, d, proxy := customer.Number.Digits(), driver.Number.Digits(), ride.Proxy.Number.Digits()
		people = append(people, &texter{name: fmt.Sprintf("c%d", i), from: c, to: d, proxy: proxy},
			&texter{name: fmt.Sprintf("d%d", i), from: d, to: c, proxy: proxy})
	}
	return people
}

// nobody leaves every message in the database.
type nobody struct{}

func (nobody) Ready() bool             { return false }
func (nobody) Hand(...masking.Message) {}

// text sends one text after another until ctx ends. Each is repeated until it is
// answered with OK, as MessageBird does, and some more often, and late.
func (p *texter) text(ctx context.Context, h *hostile, base func() string) {
	p.undelivers = map[string]bool{}
	for n := 0; ctx.Err() == nil; n++ {
		text := fmt.Sprintf("%s-%d", p.name, n)
		words := []string{text}
		switch chance := rand.IntN(100); {
		case chance < 4: // several messages long
			for i := range 300 {
				words = append(words, fmt.Sprintf("%s.%d", text, i))
			}
		case chance < 7:
			p.undelivers[text] = true
			h.mu.Lock()
			h.failing[text] = true
			h.mu.Unlock()
		}
		body := strings.Join(words, " ")
		for p.post(base(), text, body) != http.StatusOK {
			time.Sleep(20 * time.Millisecond) // as a carrier that tries again
		}
		p.accepted = append(p.accepted, body)
		switch chance := rand.IntN(100); {
		case chance < 10: // again
			p.post(base(), text, body)
		case chance < 20: // an old one again
			old := rand.IntN(len(p.accepted))
			p.post(base(), fmt.Sprintf("%s-%d", p.name, old), p.accepted[old])
		}
		select {
		case <-ctx.Done():
		case <-time.After(rand.N(2 * time.Second)): // people do not text all the time
		}
	}
}

func (p *texter) post(base, id, body string) int {
	p.posts++
	return statusOf(loadClient.PostForm(base+"/webhook?token="+tortureToken, url.Values{
		"id": {id}, "originator": {p.from}, "recipient": {p.proxy}, "payload": {body}, "createdDatetime": {"2026-11-21T10:30:59+00:00"},
	}))
}

// awaitQuiet waits until nothing is on its way to the carrier or back, and reports
// what still waits when its patience ends. After three minutes the carrier works; a
// ninth try that was set before that comes within six more.
func awaitQuiet(t *testing.T, database string, h *hostile) (waiting int) {
	t.Helper()
	db := readDatabase(t, database)
	for began := time.Now(); time.Since(began) < 9*time.Minute; time.Sleep(100 * time.Millisecond) {
		h.peaceful.Store(time.Since(began) > 3*time.Minute)
		idle := h.reports.Load() == 0 // asked first: a report may bring a message
		if err := db.QueryRow("SELECT COUNT(*) FROM messages WHERE state IN ('queued', 'sending')").Scan(&waiting); err != nil {
			t.Fatal(err)
		}
		if waiting == 0 && idle && h.reports.Load() == 0 {
			return 0
		}
	}
	return max(waiting, 1)
}

// firstOfLanes tells why lanes do not move.
func firstOfLanes(t *testing.T, database string) string {
	t.Helper()
	rows, err := readDatabase(t, database).Query(`SELECT m.id, m.kind, m.state, m.attempts, m.due_at, m.claimed_at, m.uncertain_at, m.created_at, m.reason FROM messages m
		WHERE m.state IN ('queued', 'sending') AND NOT EXISTS (SELECT 1 FROM messages e WHERE e.originator = m.originator
			AND e.recipient = m.recipient AND e.state IN ('queued', 'sending') AND e.id < m.id) ORDER BY m.id LIMIT 30`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var b strings.Builder
	fmt.Fprintf(&b, "now %d\n", time.Now().UnixMilli())
	for rows.Next() {
		var id, attempts, due, claimed, uncertain, created int64
		var kind, state, reason string
		if err := rows.Scan(&id, &kind, &state, &attempts, &due, &claimed, &uncertain, &created, &reason); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%d %s %s tried %d times, due %d, claimed %d, uncertain %d, created %d: %s\n", id, kind, state, attempts, due, claimed, uncertain, created, reason)
	}
	return b.String()
}

// readDatabase opens a database beside the programs that have it.
func readDatabase(t *testing.T, database string) *sql.DB {
	t.Helper()
	driver, source := "sqlite3", "file:"+database+"?mode=ro&_busy_timeout=5000"
	if strings.HasPrefix(database, "postgres://") {
		driver, source = "pgx", database
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func integrityOf(t *testing.T, database string) (verdict string) {
	t.Helper()
	if err := readDatabase(t, database).QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil {
		t.Fatal(err)
	}
	return verdict
}

// verdict is what became of the texts that were answered with OK.
type verdict struct {
	posts, accepted, reached, messages     int
	lost, doubled, disordered, misdirected int
	failed, notices                        int
	examples                               []string
}

// judge compares what people sent with what MessageBird took, word by word: a
// text is a word, and a long one many, which come in several messages.
func judge(people []*texter, messages []takenMessage) (v verdict) {
	v.messages = len(messages)
	arrived := map[string][]string{} // words, by whom they reached
	for _, m := range messages {
		switch {
		case m.Body == masking.TextFailed:
			v.notices++
		case strings.Contains(m.Body, "Reply to this message"):
		default:
			arrived[m.to] = append(arrived[m.to], strings.Fields(m.Body)...)
		}
	}
	for _, p := range people {
		v.posts += p.posts
		v.accepted += len(p.accepted)
		v.failed += len(p.undelivers)
		var sent []string
		for _, body := range p.accepted {
			sent = append(sent, strings.Fields(body)...)
		}
		v.compare(p, sent, arrived[p.to])
		delete(arrived, p.to)
	}
	for to := range maps.Keys(arrived) {
		v.misdirected++
		v.examples = append(v.examples, "somebody nobody texted got something: "+to[len(to)-3:])
	}
	return v
}

func (v *verdict) compare(p *texter, sent, arrived []string) {
	place := map[string]int{}
	for i, word := range sent {
		place[word] = i
	}
	seen := map[string]int{}
	last := -1
	for _, word := range arrived {
		at, expected := place[word]
		seen[word]++
		switch {
		case !expected:
			v.misdirected++
			v.example("%s texted nobody %q", p.name, word)
		case seen[word] == 2:
			v.doubled++
			v.example("%s: %q came twice", p.name, word)
		case seen[word] > 2:
		case at < last:
			v.disordered++
			v.example("%s: %q came after %q", p.name, word, sent[last])
		default:
			last = at
		}
	}
	for _, body := range p.accepted {
		missing := slices.ContainsFunc(strings.Fields(body), func(word string) bool { return seen[word] == 0 })
		if missing {
			v.lost++
			v.example("%s: %.20q never came", p.name, body)
		} else {
			v.reached++
		}
	}
}

func (v *verdict) example(format string, args ...any) {
	if len(v.examples) < 20 {
		v.examples = append(v.examples, fmt.Sprintf(format, args...))
	}
}
