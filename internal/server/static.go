package server

import (
	"io/fs"
	"net/http"

	"github.com/go-chi/chi/v5"

	"birdcar/web"
)

// static serves a file of web/static. Asked for by the address that pages give, it
// may be kept for good; by its bare name it is checked each time.
func (s *Server) static(w http.ResponseWriter, r *http.Request) error {
	name := chi.URLParam(r, "name")
	version := web.Version(name)
	if version == "" {
		return errNoPage
	}
	h := w.Header()
	h.Set("ETag", `"`+version+`"`)
	if r.URL.Query().Get("v") == version {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	files, err := fs.Sub(web.FS, "static")
	if err != nil {
		return err
	}
	http.ServeFileFS(w, r, files, name)
	return nil
}
