package server_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"birdcar/internal/exchange"
	"birdcar/internal/masking"
	"birdcar/internal/server"
	"birdcar/internal/store"
)

// claim takes the messages that wait, as the outbox does.
func (s *site) claim() (messages []masking.Message) {
	s.t.Helper()
	err := s.store.Tx(context.Background(), func(ctx context.Context, tx *store.Tx) (err error) {
		messages, err = tx.Claim(ctx, 100, 0)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return messages
}

// settle makes the carrier deliver every waiting message but those to some
// numbers, which fail, until none waits.
func (s *site) settle(failing ...masking.Number) {
	s.t.Helper()
	ctx := context.Background()
	for messages := s.claim(); len(messages) > 0; messages = s.claim() {
		for _, m := range messages {
			report := masking.Report{Reference: m.Reference, State: masking.Delivered}
			for _, n := range failing {
				if m.To == n {
					report.State, report.Reason, report.Code = masking.Failed, "The phone is switched off.", 27
				}
			}
			if err := s.exchange.TakeReport(ctx, report, exchange.Proof{}); err != nil {
				s.t.Fatal(err)
			}
		}
	}
}

// schedule makes a ride of two people at half past six in the evening.
func (s *site) schedule(customer, driver masking.Party) (id int64) {
	s.t.Helper()
	ride, err := s.exchange.ScheduleRide(context.Background(), masking.RideRequest{CustomerID: customer.ID, DriverID: driver.ID,
		Start: "Dam 1", Destination: "Schiphol", At: time.Date(2026, 11, 20, 17, 30, 0, 0, time.UTC)})
	if err != nil {
		s.t.Fatal(err)
	}
	return ride.ID
}

func (s *site) mustRide(path string) masking.Ride {
	s.t.Helper()
	id, err := strconv.ParseInt(strings.TrimPrefix(path, "/rides/"), 10, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	ride, err := s.store.Ride(context.Background(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return ride
}

// recordCalls stores the calls that were answered.
func (s *site) recordCalls() {
	ctx, stop := context.WithCancel(context.Background())
	stop()
	s.exchange.Run(ctx)
}

func (s *site) text(from, to masking.Number, body string) {
	s.t.Helper()
	err := s.exchange.RelayText(context.Background(), masking.Text{CarrierID: body, From: from, To: to, Body: body}, exchange.Proof{})
	if err != nil {
		s.t.Fatal(err)
	}
}

// entries are what each entry of the conversation says, with its side before it.
func (a answer) entries() (entries []string) {
	a.t.Helper()
	for li := range a.all("li") {
		if class := attribute(li, "class"); strings.HasPrefix(class, "chat-entry") {
			side := strings.TrimPrefix(strings.Fields(class)[1], "chat-")
			entries = append(entries, side+": "+textOf(li))
		}
	}
	return entries
}

func (a answer) wantEntries(want ...string) {
	a.t.Helper()
	got := a.entries()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			a.t.Errorf("entry %d is missing, want %q", i, want[i])
		case i >= len(want):
			a.t.Errorf("entry %d is %q, want none", i, got[i])
		case got[i] != want[i]:
			a.t.Errorf("entry %d: got %q\nwant %q", i, got[i], want[i])
		}
	}
}

// A ride says until when it is kept, and then it is gone from every page.
func TestRide_forgotten(t *testing.T) {
	var later atomic.Int64
	s := newSite(t, func(c *server.Config) { c.Now = func() time.Time { return testNow.Add(time.Duration(later.Load())) } })
	s.login()
	ada, ben, proxy := s.seed()
	id := s.schedule(ada, ben)
	path := fmt.Sprintf("/rides/%d", id)
	s.settle(ben.Number)
	s.text(ada.Number, proxy.Number, "I am late")
	s.settle()
	s.exchange.Linger, s.exchange.Keep = 0, 24*time.Hour
	s.get(path).wantText("It ends by itself tomorrow 18:30 .")
	if _, err := s.exchange.EndRide(context.Background(), id); err != nil {
		t.Fatal(err)
	}
	s.get(path).wantText("Its number no longer connects these two. The ride is deleted tomorrow 18:00 .")
	later.Store(int64(25 * time.Hour))
	s.get(path).wantText("The ride is deleted soon.")
	later.Store(0)
	s.get(fmt.Sprintf("/numbers/%d/delete", proxy.ID)).wantText(masking.ProblemHadRides)
	s.get(fmt.Sprintf("/customers/%d/delete", ada.ID)).wantText("Past rides still show the name, until they are deleted: a day after each closed.")
	if f, err := s.exchange.ForgetOld(context.Background()); err != nil || f.Rides != 0 {
		t.Fatalf("forgot %+v, %v", f, err)
	}

	s.exchange.Keep = -time.Millisecond // as if so much time had passed
	if f, err := s.exchange.ForgetOld(context.Background()); err != nil || f.Rides != 1 {
		t.Fatalf("forgot %+v, %v", f, err)
	}
	s.get(path).wantStatus(http.StatusNotFound).wantText("The address may be mistyped, or what it showed is gone.")
	s.get(fmt.Sprintf("/numbers/%d/delete", proxy.ID)).wantText("No ride that is kept has it, so nobody is cut off.")
	for _, list := range []string{"/", "/rides", "/rides?q=ada", "/messages", fmt.Sprintf("/customers/%d", ada.ID), fmt.Sprintf("/numbers/%d", proxy.ID)} {
		if page := s.get(list).wantStatus(http.StatusOK); strings.Contains(page.body, path+`"`) {
			t.Errorf("%s still shows the ride", list)
		}
	}
}

func TestRide_conversation(t *testing.T) {
	s := newSite(t)
	s.login()
	ada, ben, proxy := s.seed()
	path := fmt.Sprintf("/rides/%d", s.schedule(ada, ben))
	s.settle()
	s.text(ada.Number, proxy.Number, "I am <b>late</b>")
	s.settle(ben.Number)
	s.text(ben.Number, proxy.Number, "No problem")
	if _, err := s.exchange.RouteCall(context.Background(), masking.Call{From: ben.Number, To: proxy.Number}, exchange.Proof{}); err != nil {
		t.Fatal(err)
	}
	s.recordCalls()

	page := s.get(path).wantStatus(200)
	page.wantText("Ada and Ben")
	page.wantText("+44 7700 900123")
	page.wantText("+44 7700 900456")
	page.wantText("open Both reach each other. It ends by itself tomorrow 18:30 .")
	page.wantEntries(
		"notice: Ride created today 18:00",
		"notice: Confirmation to Ada today 18:00 Ben will pick you up at 2026-11-20 18:30. Reply to this message or call this number to contact the driver. delivered to Ada 18:00",
		"notice: Confirmation to Ben today 18:00 Ada will wait for you at 2026-11-20 18:30. Reply to this message or call this number to contact the customer. delivered to Ben 18:00",
		"customer: Ada today 18:00 I am <b>late</b> failed 18:00 The phone is switched off. Send again to Ben",
		"notice: Notice to Ada today 18:00 Your message could not be delivered. delivered to Ada 18:00",
		"driver: Ben today 18:00 No problem waiting for the carrier",
		"driver: ← Ben called Ada today 18:00",
	)

	// Sent again, it waits; the failure stays told where it was.
	s.post(page.action("/again"), "back", path).wantRedirect(path)
	page = s.get(path)
	page.wantText("The text is sent again.")
	if got := page.entries()[3]; got != "customer: Ada today 18:00 I am <b>late</b> waiting for the carrier, sent again" {
		t.Errorf("sent again it reads %q", got)
	}
	s.settle()
	if got := s.get(path).entries()[3]; got != "customer: Ada today 18:00 I am <b>late</b> delivered to Ben 18:00 , sent again" {
		t.Errorf("delivered at last it reads %q", got)
	}
	s.get("/rides/999").wantStatus(404)
	s.get("/rides/x").wantStatus(404)
}

// The customer has the phone that the driver had: what came from it is told of who had it then.
func TestRide_conversationOfSwappedPhones(t *testing.T) {
	s := newSite(t)
	s.login()
	ada, ben, proxy := s.seed()
	path := fmt.Sprintf("/rides/%d", s.schedule(ada, ben))
	talk := func(ada, ben masking.Number, when string) {
		t.Helper()
		s.text(ada, proxy.Number, "Where are you? "+when)
		s.text(ben, proxy.Number, "Here "+when)
		for _, n := range []masking.Number{ada, ben} {
			if _, err := s.exchange.RouteCall(context.Background(), masking.Call{From: n, To: proxy.Number}, exchange.Proof{}); err != nil {
				t.Fatal(err)
			}
		}
		s.recordCalls()
		s.settle()
	}
	talk(ada.Number, ben.Number, "before")
	ride := s.mustRide(path)
	ride.Driver = s.newPhone(ride.Driver, "+447700900299")
	ride.Customer = s.newPhone(ride.Customer, ben.Number.E164())
	talk(ride.Customer.Number, ride.Driver.Number, "after")
	entries := s.get(path).entries()
	for _, want := range []string{
		"notice: Confirmation to Ada", "notice: Confirmation to Ben",
		"customer: Ada today 18:00 Where are you? before delivered to Ben 18:00", "driver: Ben today 18:00 Here before delivered to Ada 18:00",
		"customer: Ada today 18:00 Where are you? after delivered to Ben 18:00", "driver: Ben today 18:00 Here after delivered to Ada 18:00",
	} {
		if !slices.ContainsFunc(entries, func(e string) bool { return strings.HasPrefix(e, want) }) {
			t.Errorf("nothing begins with %q", want)
		}
	}
	for call, want := range map[string]int{"customer: → Ada called Ben today 18:00": 2, "driver: ← Ben called Ada today 18:00": 2} {
		if got := len(slices.DeleteFunc(slices.Clone(entries), func(e string) bool { return e != call })); got != want {
			t.Errorf("%q is told %d times, want %d", call, got, want)
		}
	}
	if t.Failed() {
		t.Log(strings.Join(entries, "\n"))
	}
}

// Of texts from before they told whose they are, the numbers of today tell for as long as nobody
// has changed theirs.
func TestRide_conversationFromBefore(t *testing.T) {
	s := newSite(t)
	s.login()
	ada, ben, proxy := s.seed()
	path := fmt.Sprintf("/rides/%d", s.schedule(ada, ben))
	s.settle()
	ride := s.mustRide(path)
	err := s.store.Tx(context.Background(), func(ctx context.Context, tx *store.Tx) error {
		in := masking.Text{CarrierID: "1", From: ben.Number, To: proxy.Number, Body: "Here"}
		id, _, err := tx.AddInbound(ctx, store.Received{Text: in, RideID: ride.ID}, masking.Relayed)
		if err != nil {
			return err
		}
		_, err = tx.Enqueue(ctx, store.Unsent{Kind: masking.Relaying, RideID: ride.ID, CauseID: id, From: proxy.Number, To: ada.Number, Body: "Here"}, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s.settle()
	if got := s.get(path).entries()[3]; got != "driver: Ben today 18:00 Here delivered to Ada 18:00" {
		t.Errorf("the text reads %q", got)
	}
	s.newPhone(ride.Driver, "+447700900299")
	s.newPhone(ride.Customer, ben.Number.E164())
	page := s.get(path)
	if got := page.entries()[3]; !strings.Contains(got, "+44 7700 900456 today 18:00 Here delivered to +44 7700 900123") {
		t.Errorf("once nobody can tell whose it was, it reads %q", got)
	}
	if got := page.entries()[2]; !strings.HasPrefix(got, "notice: Confirmation to Ben") {
		t.Errorf("of whom BirdCar knows it reads %q", got)
	}
}

// newPhone gives somebody another phone.
func (s *site) newPhone(p masking.Party, number string) masking.Party {
	s.t.Helper()
	p, err := s.exchange.ChangeParty(context.Background(), p.Role, p.ID, p.Name, number)
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// action is where the form posts to whose address ends so.
func (a answer) action(suffix string) string {
	a.t.Helper()
	for form := range a.all("form") {
		if to := attribute(form, "action"); strings.HasSuffix(to, suffix) {
			return to
		}
	}
	a.t.Fatalf("no form posts to %s: %s", suffix, a.text())
	return ""
}

func TestRide_end(t *testing.T) {
	s := newSite(t)
	s.login()
	ada, ben, _ := s.seed()
	path := fmt.Sprintf("/rides/%d", s.schedule(ada, ben))

	ask := s.get(path + "/end").wantStatus(200)
	ask.wantText("End the ride of Ada and Ben?")
	ask.wantText("Ada and Ben still reach each other through +44 7700 900001 until today 22:00")
	if ride := s.mustRide(path); ride.State != masking.Open {
		t.Fatal("the question ended the ride")
	}
	s.get(path).wantText("Send the confirmation again to Ada")
	s.post(path + "/end").wantRedirect(path)
	page := s.get(path)
	page.wantText("The ride has ended.")
	page.wantText("lingering Ended today 18:00 , and both still reach each other. It closes today 22:00 .")
	for a := range page.all("a") {
		if strings.HasSuffix(attribute(a, "href"), "/cancel") || strings.HasSuffix(attribute(a, "href"), "/end") {
			t.Error("a ride that has ended can be ended")
		}
	}
	if strings.Contains(page.text(), "confirmation again") {
		t.Error("a ride that has ended can be confirmed")
	}
	s.get(path + "/end").wantText("This ride has ended already.")
	s.post(path + "/end").wantStatus(http.StatusConflict).wantText("This ride ended before.")
	s.post(path + "/cancel").wantStatus(http.StatusConflict)
	s.post("/rides/999/end").wantStatus(404)
}

func TestRide_cancel(t *testing.T) {
	s := newSite(t)
	s.login()
	ada, ben, _ := s.seed()
	path := fmt.Sprintf("/rides/%d", s.schedule(ada, ben))
	s.settle()
	ask := s.get(path + "/cancel").wantStatus(200)
	ask.wantText("Ada and Ben each get a text: “Your ride at 2026-11-20 18:30 was cancelled.”")
	s.post(path + "/cancel").wantRedirect(path)
	page := s.get(path)
	page.wantText("The ride is cancelled. Ada and Ben get a text.")
	page.wantText("lingering cancelled")
	got := strings.Join(page.entries(), "\n")
	for _, want := range []string{"notice: Ride cancelled today 18:00", "notice: Cancellation to Ada", "notice: Cancellation to Ben"} {
		if !strings.Contains(got, want) {
			t.Errorf("the conversation lacks %q: %s", want, got)
		}
	}
	s.post(path+"/confirm", "role", "customer").wantStatus(http.StatusConflict).wantText("there is nothing to confirm")
}

func TestRide_confirmAgain(t *testing.T) {
	s := newSite(t)
	s.login()
	ada, ben, _ := s.seed()
	path := fmt.Sprintf("/rides/%d", s.schedule(ada, ben))
	s.post(path+"/confirm", "role", "driver").wantStatus(http.StatusConflict).wantText("The confirmation to Ben is on its way already.")
	s.settle(ben.Number)
	page := s.get(path)
	if got := page.entries()[2]; !strings.HasSuffix(got, "failed 18:00 The phone is switched off. Send again to Ben") {
		t.Errorf("the failed confirmation reads %q", got)
	}
	s.post(page.action("/again"), "back", "https://elsewhere.example").wantRedirect("/")
	page = s.get(path)
	if got := page.entries()[2]; !strings.HasSuffix(got, "failed 18:00 , sent again The phone is switched off.") {
		t.Errorf("the confirmation that was sent again reads %q", got)
	}
	if got := page.entries()[3]; !strings.Contains(got, "Confirmation to Ben") || !strings.HasSuffix(got, "waiting for the carrier") {
		t.Errorf("what sent it again reads %q", got)
	}
}

// A long conversation comes in parts, which together are all of it, in order.
func TestRide_longConversation(t *testing.T) {
	s := newSite(t)
	s.login()
	ada, ben, proxy := s.seed()
	path := fmt.Sprintf("/rides/%d", s.schedule(ada, ben))
	for i := range 130 {
		s.text(ada.Number, proxy.Number, fmt.Sprintf("text %d", i))
		if i%10 == 0 {
			if _, err := s.exchange.RouteCall(context.Background(), masking.Call{From: ben.Number, To: proxy.Number}, exchange.Proof{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.recordCalls()
	var all []string
	parts := 0
	for target := path; target != ""; parts++ {
		page := s.get(target).wantStatus(200)
		all = append(page.entries(), all...)
		target = ""
		for a := range page.all("a") {
			if attribute(a, "rel") == "prev" {
				target = attribute(a, "href")
			}
		}
	}
	texts, calls := 0, 0
	for _, entry := range all {
		switch {
		case strings.HasPrefix(entry, "customer: Ada"):
			if want := fmt.Sprintf("customer: Ada today 18:00 text %d waiting for the carrier", texts); entry != want {
				t.Errorf("text %d reads %q, want %q", texts, entry, want)
			}
			texts++
		case strings.HasPrefix(entry, "driver: ← Ben called Ada"):
			calls++
		}
	}
	if parts != 3 || texts != 130 || calls != 13 || len(all) != 130+13+3 {
		t.Errorf("%d parts have %d texts and %d calls of %d entries, want 3, 130, 13 and 146", parts, texts, calls, len(all))
	}
}

// href is where the link with these words leads; empty: there is none.
func (a answer) href(words string) string {
	a.t.Helper()
	for link := range a.all("a") {
		if strings.TrimSpace(textOf(link)) == words {
			return attribute(link, "href")
		}
	}
	return ""
}
