package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"birdcar/internal/carrier"
	"birdcar/internal/config"
	"birdcar/internal/exchange"
	"birdcar/internal/masking"
	"birdcar/internal/outbox"
	"birdcar/internal/server"
	"birdcar/internal/simulator"
	"birdcar/internal/store"
)

// settle is how long after a try MessageBird's "no such message" is believed: its
// list may lag behind.
const settle = 5 * time.Second

// app is the rooms, wired together.
type app struct {
	cfg       config.Config
	log       *slog.Logger
	store     *store.Store
	exchange  *exchange.Exchange
	outbox    *outbox.Worker
	server    *server.Server
	simulator *simulator.Simulator // nil with a real carrier
	instances *instances           // the other ones
	token     string               // of the webhooks
	local     string               // where this process listens, as this machine reaches it
	stopBy    time.Time            // when the grace is over; zero until a stop has begun
}

// serve runs BirdCar until ctx ends, then finishes what is in hand.
func serve(ctx context.Context, cfg config.Config, stdout io.Writer, log *slog.Logger) error {
	listener, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return fmt.Errorf("ADDR: %s %w", cfg.Addr, whyNotListening(err))
	}
	defer listener.Close()
	for _, advice := range cfg.Advice() {
		log.Warn(advice)
	}
	if carrier.IsTestKey(cfg.APIKey) {
		log.Warn("MESSAGEBIRD_API_KEY: this is a test key, with which MessageBird sends nothing; set the live key")
	}
	a := &app{cfg: cfg, log: log, local: localURL(listener.Addr())}
	waits := func() {
		log.Info("waiting to look after the database's tables: another instance changes them (if it was killed, for half a minute), " +
			"or PostgreSQL does not confirm a write: is a synchronous standby missing?")
	}
	if a.store, err = openDatabase(ctx, cfg, waits); err != nil {
		return err
	}
	defer a.closeStore()
	if err := a.wire(ctx); err != nil {
		return err
	}
	if a.simulator != nil {
		defer a.simulator.Close()
		if err := addSamples(ctx, a.store, a.exchange); err != nil {
			return fmt.Errorf("sample data: %w", err)
		}
	}
	a.announce(stdout)
	return a.run(ctx, listener)
}

// whyNotListening says what to do about an address that cannot be listened on.
func whyNotListening(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return errors.New("is in use, perhaps by another BirdCar; stop that one, or name another port, like 127.0.0.1:8081")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return errors.New("is no address of this machine; try 127.0.0.1:8080 or :8080")
	case errors.Is(err, syscall.EACCES):
		return errors.New("is a port that only root may listen on; try 127.0.0.1:8080, behind a reverse proxy")
	}
	return fmt.Errorf("cannot be listened on: %w", err)
}

// closeStore closes the database, which waits for the writes in hand: for what is left of
// the grace and a second more, so that a database that hangs does not keep the program.
func (a *app) closeStore() {
	closed := make(chan error, 1)
	go func() { closed <- a.store.Close() }()
	var err error
	select {
	case err = <-closed:
	case <-time.After(max(time.Until(a.stopBy), 0) + time.Second):
		err = errors.New("it does not answer; whether what was being written came to be is not known")
	}
	if err != nil {
		a.log.Error("the database was not closed well", "err", err)
	}
}

// localURL is how this machine reaches a listener.
func localURL(addr net.Addr) string {
	host, port, _ := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// wire makes the rooms in the order of their arrows.
func (a *app) wire(ctx context.Context) (err error) {
	cfg := a.cfg
	if a.token = cfg.WebhookToken; a.token == "" {
		if a.token, err = a.store.Setting(ctx, "webhook_token", rand.Text()); err != nil {
			return err
		}
	}
	apiURL, numbersURL, apiKey, signingKey := cfg.APIURL, cfg.NumbersURL, cfg.APIKey, cfg.SigningKey
	if cfg.Simulated() {
		apiURL, apiKey = a.local+"/simulator/messagebird", rand.Text()
		numbersURL = apiURL
		if signingKey == "" {
			signingKey = rand.Text()
		}
	}
	client := carrier.New(carrier.Config{
		APIKey: apiKey, APIURL: apiURL, NumbersURL: numbersURL, Connections: cfg.OutboxWorkers,
		ReportURL: cfg.PublicURL + "/webhook-status?token=" + url.QueryEscape(a.token),
	})
	here := func(e masking.Event) { a.server.Publish(e) } // the server is made last, before anything happens
	a.instances = newInstances(a.store, here, a.log)
	publish := func(e masking.Event) {
		here(e)
		a.instances.tell(e)
	}
	a.outbox, err = outbox.New(outbox.Config{
		Store: a.store, Sender: client, Workers: cfg.OutboxWorkers, GiveUp: cfg.OutboxGiveUp, Settle: settle,
		Fail: func(ctx context.Context, m masking.Message, code int, reason string) error {
			return a.exchange.FailMessage(ctx, m, code, reason)
		},
		Now: time.Now, Publish: publish, Log: a.log,
	})
	if err != nil {
		return err
	}
	a.exchange, err = exchange.New(exchange.Config{
		Store: a.store, Outbox: a.outbox, Zone: cfg.TimeZone, Country: cfg.DefaultCountry,
		RideLimit: cfg.RideLimit, Linger: cfg.Linger, Keep: cfg.Keep, Lease: outbox.Lease,
		Now: time.Now, Publish: publish, Log: a.log,
	})
	if err != nil {
		return err
	}
	if cfg.Simulated() {
		if err := a.simulate(apiKey, signingKey); err != nil {
			return err
		}
	}
	return a.serveOver(client, signingKey)
}

func (a *app) simulate(apiKey, signingKey string) (err error) {
	a.simulator, err = simulator.New(simulator.Config{
		APIKey: apiKey, SigningKey: signingKey, File: simulatorFile(a.cfg.DatabaseURL),
		PublicURL: a.cfg.PublicURL, Token: a.token, Country: a.cfg.DefaultCountry, Zone: a.cfg.TimeZone,
		Now: time.Now, Log: a.log,
		Rides:     func(ctx context.Context) ([]masking.Ride, error) { return a.store.CurrentRides(ctx, 100) },
		Subscribe: func() (<-chan masking.Event, func()) { return a.server.Subscribe() },
		Render: func(w http.ResponseWriter, r *http.Request, status int, page string, data any) error {
			return a.server.Render(w, r, status, page, data)
		},
	})
	return err
}

// simulatorFile is where the simulator keeps its texts: beside a SQLite file, or
// in the working folder.
func simulatorFile(databaseURL string) string {
	if strings.Contains(databaseURL, "://") {
		return "birdcar-simulator.jsonl"
	}
	return databaseURL + "-simulator.jsonl"
}

func (a *app) serveOver(client *carrier.Client, signingKey string) (err error) {
	cfg := server.Config{
		Store: a.store, Exchange: a.exchange, PublicURL: a.cfg.PublicURL, Token: a.token,
		Password: a.cfg.AdminPassword, Country: a.cfg.DefaultCountry, Zone: a.cfg.TimeZone,
		Now: time.Now, Log: a.log, Simulated: a.simulator != nil,
		Sending: a.outbox.Status, OwnedNumbers: client.Numbers, MetricsToken: a.cfg.MetricsToken,
		Sends: func() map[string]int64 {
			c := a.outbox.Counts()
			return map[string]int64{"sent": c.Sent - c.Adopted, "adopted": c.Adopted, "retried": c.Retried, "failed": c.Failed}
		},
	}
	if signingKey != "" {
		if cfg.Verifier, err = carrier.NewVerifier(signingKey, time.Now); err != nil {
			return err
		}
	}
	if a.simulator != nil {
		cfg.SimulatorAPI, cfg.SimulatorPages = a.simulator.API(), a.simulator.Pages()
	} else {
		cfg.Balance = client.Balance
	}
	a.server, err = server.New(cfg)
	return err
}

// announce tells who started BirdCar where it is. It is the only output that
// holds secrets, and goes to standard output alone; logs go to standard error.
func (a *app) announce(stdout io.Writer) {
	fmt.Fprintf(stdout, "BirdCar is listening on %s\n", a.local)
	if a.simulator != nil {
		fmt.Fprintln(stdout, "The simulator carries texts and calls; set MESSAGEBIRD_API_KEY to use MessageBird")
	}
	if a.cfg.AdminPassword == "" {
		fmt.Fprintf(stdout, "Log in once with %s\n", a.server.LoginLink(a.local))
	}
	token := "?token=" + url.QueryEscape(a.token)
	fmt.Fprintf(stdout, "Webhook for texts: %s/webhook%s\n", a.cfg.PublicURL, token)
	fmt.Fprintf(stdout, "Webhook for calls: %s/webhook-voice%s\n", a.cfg.PublicURL, token)
}

// run serves until ctx ends. Then nothing new is taken, what is in hand is
// finished within the grace, and the rest waits on disk for the next start.
func (a *app) run(ctx context.Context, listener net.Listener) error {
	httpServer := server.Limited(a.server.Handler())
	httpServer.ErrorLog = slog.NewLogLogger(a.log.Handler(), slog.LevelDebug)
	httpServer.RegisterOnShutdown(a.server.EndStreams)
	// The rooms behind the server outlive the signal: they finish what it took.
	behind, stopBehind := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBehind()
	failed := make(chan error, 2)
	var rooms sync.WaitGroup
	rooms.Go(func() { a.exchange.Run(behind) })
	rooms.Go(func() { a.exchange.Chores(behind) })
	rooms.Go(func() { a.exchange.Forget(behind) })
	rooms.Go(func() { a.instances.run(behind) })
	rooms.Go(func() {
		if err := a.outbox.Run(behind); err != nil {
			failed <- err
		}
	})
	if a.simulator != nil {
		a.simulator.Start(ctx, a.local)
	}
	go func() {
		if err := httpServer.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	}()

	var err error
	select {
	case <-ctx.Done():
		a.log.Info("stopping")
	case err = <-failed:
	}
	a.stopBy = time.Now().Add(a.cfg.ShutdownGrace)
	grace, cancel := context.WithDeadline(context.WithoutCancel(ctx), a.stopBy)
	defer cancel()
	if httpServer.Shutdown(grace) != nil {
		_ = httpServer.Close() // the grace is over
	}
	stopBehind()
	finished := make(chan struct{})
	go func() { rooms.Wait(); close(finished) }()
	select {
	case <-finished:
		select {
		case last := <-failed: // of what a room did to finish
			if !errors.Is(last, context.Canceled) { // stopped before it had begun
				a.log.Warn("stopped with texts in hand that were not given back; the next start asks the carrier about them", "err", last)
			}
		default:
		}
	case <-grace.Done():
		a.log.Warn("stopped with sends in hand; the next start asks the carrier about them")
	}
	return err
}
