package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

// Why a database is not opened is one line with the remedy in it, and with nothing of
// the URL's user and password.
func TestPostgres_Unopened(t *testing.T) {
	database := storetest.Postgres(t)
	primary, standby := storetest.Pair(t)
	role := fmt.Sprintf("wren_%d", os.Getpid())
	admin, err := sql.Open("pgx", database)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if _, err := admin.Exec("CREATE ROLE " + role + " LOGIN PASSWORD 's3cret'"); err != nil {
		t.Fatal(err)
	}
	defer admin.Exec("DROP ROLE " + role) //nolint:errcheck // the test has told
	on := func(change func(*url.URL)) string {
		u, err := url.Parse(database)
		if err != nil {
			t.Fatal(err)
		}
		change(u)
		return u.String()
	}
	for _, test := range []struct{ url, want string }{
		{"postgres://wren:s3cret@127.0.0.1:1/birdcar", "127.0.0.1:1 refuses connections; start PostgreSQL there"},
		{"postgres://wren:s3cret@127.0.0.1:1,127.0.0.1:2/birdcar", "127.0.0.1:1, 127.0.0.1:2 refuses connections"},
		{"postgres://wren:s3cret@nowhere.invalid/birdcar", "no address is known of the host nowhere.invalid"},
		{"postgres://wren:s3cret@" + refusing(t, "28P01") + "/birdcar", "put the right one into the URL"},
		{"postgres://wren:s3cret@" + refusing(t, "28000") + "/birdcar", "pg_hba.conf"},
		{"postgres://wren:s3cret@" + refusing(t, "53300") + "/birdcar", "raise max_connections"},
		{"postgres://wren:s3cret@" + refusing(t, "XX000") + "/birdcar", "refuses: no, and that over two lines (SQLSTATE XX000)"},
		{"postgres://wren:s3cret@" + refusing(t, "28000") + "/birdcar?sslmode=verify-full", "has no TLS, and the URL's sslmode asks for it"},
		{"postgres://wren:s3cret@127.0.0.1:1/birdcar?sslmode=nonsense", "the URL's sslmode cannot be used"},
		{"postgres://wren:s3cret@127.0.0.1:1/birdcar?connect_timeout=x&sslmode=disable", "the URL's connect_timeout cannot be used"},
		{"postgres://wren:s3cret@127.0.0.1:port/birdcar", "try postgres://user:password@host:5432/birdcar"},
		{on(func(u *url.URL) { u.Path = "/nowhere" }), "has no database nowhere; make it: createdb --owner=ROLE nowhere"},
		{on(func(u *url.URL) { u.RawQuery += "&wings=2" }), `(unrecognized configuration parameter "wings")`},
		{on(func(u *url.URL) { u.User = url.UserPassword(role, "s3cret") }), "(permission denied for schema public); make that role the owner"},
		{storetest.URL(standby), "no primary is among the hosts"},
		{storetest.URL(standby, standby), "no primary is among the hosts"}, // with target_session_attrs
		{storetest.URL(primary) + "&target_session_attrs=standby", "is a primary, and the URL asks for another"},
	} {
		s, err := store.Open(context.Background(), test.url, time.Now)
		if err == nil {
			_ = s.Close()
			t.Errorf("%s was opened", test.url)
			continue
		}
		got := err.Error()
		if !strings.Contains(got, test.want) || strings.Contains(got, "\n") {
			t.Errorf("%s:\ngot  %s\nwant %s, in one line", test.url, got, test.want)
		}
		if strings.Contains(got, "wren") || strings.Contains(got, "s3cret") {
			t.Errorf("the user or the password is shown: %s", got)
		}
	}
}

// refusing is the address of a server that answers everybody with an error of this state.
func refusing(t *testing.T, state string) (address string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	refuse := func(conn net.Conn) {
		defer conn.Close()
		backend := pgproto3.NewBackend(conn, conn)
		for {
			asked, err := backend.ReceiveStartupMessage()
			if err != nil {
				return
			}
			if _, tls := asked.(*pgproto3.SSLRequest); tls {
				_, _ = conn.Write([]byte("N"))
				continue
			}
			backend.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: state, Message: "no,\nand that over two lines"})
			_ = backend.Flush()
			return
		}
	}
	go func() {
		for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
			go refuse(conn)
		}
	}()
	return listener.Addr().String()
}
