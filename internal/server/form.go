package server

import (
	"errors"
	"net/http"
	"net/url"

	"birdcar/internal/masking"
)

// form is what somebody typed into a page's form, and what is wrong with it.
type form struct {
	fields   []string // in the order of the page
	values   url.Values
	problems masking.Invalid
}

// newForm is an empty form with these fields.
func newForm(fields ...string) form {
	return form{fields: fields, values: url.Values{}, problems: masking.Invalid{}}
}

// typedForm is the form that r posted; readForm has read it.
func typedForm(r *http.Request, fields ...string) form {
	f := newForm(fields...)
	for _, name := range fields {
		f.values.Set(name, masking.CleanLine(r.PostForm.Get(name)))
	}
	return f
}

// readForm reads r's posted fields into r.PostForm.
func readForm(r *http.Request) error {
	var tooLarge *http.MaxBytesError
	switch err := r.ParseForm(); {
	case errors.As(err, &tooLarge):
		return errTooLarge
	case err != nil:
		return errUnreadable
	}
	return nil
}

// Value is what was typed into a field.
func (f form) Value(name string) string { return f.values.Get(name) }

// Field is a field as the templates "control" and "problem" take it. One that the
// form does not have is an error, which fails the page.
func (f form) Field(name string) (field, error) {
	first := true
	for _, n := range f.fields {
		bad := f.problems[n] != ""
		if n == name {
			return field{Name: name, Problem: f.problems[name], Focus: bad && first}, nil
		}
		first = first && !bad
	}
	return field{}, errors.New("the form has no field " + name)
}

// field is one control of a form.
type field struct {
	Name    string
	Problem string
	Focus   bool // the first field with a problem
}
