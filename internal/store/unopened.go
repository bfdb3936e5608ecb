package store

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"slices"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mattn/go-sqlite3"
)

// SQLSTATEs of a server that lets nobody in, or not this one.
const (
	invalidPassword      = "28P01"
	invalidAuthorization = "28000"
	noSuchDatabase       = "3D000"
	noSuchSchema         = "3F000"
	insufficientRight    = "42501"
	unknownParameter     = "42704"
	wrongParameter       = "22023"
	tooManyConnections   = "53300"
	cannotConnectNow     = "57P03"
)

// unopened says in one line why PostgreSQL was not opened and what to do. Of the URL it
// shows hosts, ports and the database, never user or password; the driver's own error is
// a line for each host and each try at it.
func unopened(config *pgx.ConnConfig, err error) error {
	hosts, database := hostsOf(config), cmp.Or(config.Database, "of its user's name")
	say := func(format string, args ...any) error { return errors.New(hosts + " " + fmt.Sprintf(format, args...)) }
	var lookup *net.DNSError
	var server *pgconn.PgError
	message := ""
	if errors.As(err, &server) {
		message = oneLine(server.Message)
	}
	switch state := stateOf(err); {
	case state == invalidPassword:
		return say("does not know this user with this password; put the right one into the URL, special characters as %%XX, or into PGPASSWORD, " +
			"or make the role: createuser --pwprompt ROLE")
	case state == invalidAuthorization:
		return say("does not let the URL's user in; make the role (createuser --pwprompt ROLE), or let it in from here in pg_hba.conf")
	case state == noSuchDatabase:
		return say("has no database %[1]s; make it: createdb --owner=ROLE %[1]s, or in psql: create database %[1]s owner ROLE", database)
	case state == insufficientRight || state == noSuchSchema:
		return say("lets the URL's user not do all that BirdCar needs in the database %[1]s (%[2]s); "+
			"make that role the owner, in psql: alter database %[1]s owner to ROLE", database, message)
	case state == tooManyConnections:
		return say("has no connection left; raise max_connections: an instance of BirdCar opens up to 25")
	case state == cannotConnectNow:
		return say("is starting or stopping (%s); try again in a moment", message)
	case state == unknownParameter || state == wrongParameter:
		return say("does not take a parameter behind the URL's ? (%s); correct it or leave it out", message)
	case state == readOnlyTransaction || errors.Is(err, pgconn.ErrReadOnlyConnection) || errors.Is(err, pgconn.ErrStandbyConnection):
		return say("takes no writes: no primary is among the hosts; promote one, or name the primary too, with target_session_attrs=read-write")
	case errors.Is(err, pgconn.ErrReadWriteConnection) || errors.Is(err, pgconn.ErrPrimaryConnection):
		return say("is a primary, and the URL asks for another; BirdCar writes: target_session_attrs=read-write")
	case state != "":
		return say("refuses: %s (SQLSTATE %s)", message, state)
	case errors.As(err, &lookup):
		return fmt.Errorf("no address is known of the host %s; correct it in the URL, or look at this machine's DNS", lookup.Name)
	case errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT):
		return say("refuses connections; start PostgreSQL there, or correct host and port in the URL")
	case errors.Is(err, context.Canceled):
		return err
	case pgconn.Timeout(err):
		return say("does not answer within %s; correct host and port in the URL, or let this machine through the firewall", config.ConnectTimeout)
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return say("has a certificate that is not trusted or of another name; name its authority's file in sslrootcert, and the host as in the certificate")
	}
	var connecting *pgconn.ConnectError
	if errors.As(err, &connecting) {
		if strings.Contains(err.Error(), "server refused TLS connection") { // the driver has no error to tell it by
			return say("has no TLS, and the URL's sslmode asks for it; set up TLS there, or use sslmode=prefer in a network that nobody else reads")
		}
		err = connecting.Unwrap() // what is around it names the user
	}
	return errors.New(oneLine(err.Error()))
}

// unopenedFile adds to why a SQLite file was not opened, if it was not, what to do, where that
// can be told.
func unopenedFile(err error) error {
	var e sqlite3.Error
	switch errors.As(err, &e); {
	case e.Code == sqlite3.ErrNotADB:
		return fmt.Errorf("%w; name another, or a new one, like birdcar.db", err)
	case errors.Is(err, syscall.EISDIR):
		return fmt.Errorf("%w; name a file in it, like birdcar.db", err)
	case e.Code == sqlite3.ErrReadonly || e.Code == sqlite3.ErrCantOpen || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w; let BirdCar write the file and its folder, or name another, like birdcar.db", err)
	}
	return err
}

// hostsOf are a URL's hosts with their ports. The driver has each a second time where it
// tries with TLS and without.
func hostsOf(config *pgx.ConnConfig) string {
	_, address := pgconn.NetworkAddress(config.Host, config.Port)
	hosts := []string{address}
	for _, other := range config.Fallbacks {
		if _, address := pgconn.NetworkAddress(other.Host, other.Port); !slices.Contains(hosts, address) {
			hosts = append(hosts, address)
		}
	}
	return strings.Join(hosts, ", ")
}

// unread says which part of a URL the driver does not understand: a parameter without
// which it would, or what is before them. The driver's own error quotes the URL, and with
// it perhaps a password.
func unread(given string) error {
	const example = "try postgres://user:password@host:5432/birdcar, with %XX for special characters in the password"
	start, query, _ := strings.Cut(given, "?")
	for pair := range strings.SplitSeq(query, "&") {
		name, _, hasValue := strings.Cut(pair, "=")
		values, err := url.ParseQuery(query)
		if err != nil || !hasValue {
			continue
		}
		values.Del(name)
		if _, err := pgx.ParseConfig(start + "?" + values.Encode()); err == nil {
			return fmt.Errorf("the URL's %s cannot be used; correct it or leave it out", name)
		}
	}
	return errors.New("the URL cannot be read; " + example)
}

// oneLine is a text without its line ends.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
