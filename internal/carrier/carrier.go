// Package carrier owns everything MessageBird: the one wrapper around its SDK,
// what its webhooks say and how they are signed, the call flows it reads, and the
// JSON it writes. It knows no database and serves no HTTP, and hands out nothing
// but the words of package masking.
//
// It never imports the SDK's package voice, which replaces the SDK's reader of
// errors for everybody, nor its signature_jwt, which takes an empty key and needs
// a JWT library with a known vulnerability.
package carrier
