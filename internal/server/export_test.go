package server

import "net/http"

// Fail is how every handler's errors are answered.
func (s *Server) Fail(w http.ResponseWriter, r *http.Request, err error) { s.fail(w, r, err) }
