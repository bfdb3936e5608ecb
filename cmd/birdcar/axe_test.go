package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// axeVersion is the release of axe-core that judges the pages.
const axeVersion = "4.14.1"

// axeScript is axe-core from the npm registry, fetched with npm. Where npm or the
// registry cannot be had the test is skipped, or fails when the environment says CI.
func axeScript(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	out, err := exec.Command("npm", "pack", "--silent", "--pack-destination", folder, "axe-core@"+axeVersion).CombinedOutput()
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("npm pack: %v\n%s", err, out)
		}
		t.Skipf("axe-core cannot be had with npm: %v", err)
	}
	archive, err := os.Open(filepath.Join(folder, "axe-core-"+axeVersion+".tgz"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	unzipped, err := gzip.NewReader(archive)
	if err != nil {
		t.Fatal(err)
	}
	for files := tar.NewReader(unzipped); ; {
		file, err := files.Next()
		if errors.Is(err, io.EOF) {
			t.Fatal("axe-core's package holds no axe.min.js")
		} else if err != nil {
			t.Fatal(err)
		}
		if file.Name == "package/axe.min.js" {
			script, err := io.ReadAll(files)
			if err != nil {
				t.Fatal(err)
			}
			return string(script)
		}
	}
}

// violations are what axe-core finds wrong with the page as it stands.
func (p *page) violations(axe string) []string {
	p.t.Helper()
	evaluate[bool](p, axe+"\n;true")
	p.wait("axe-core judges the page", `(() => {
		window.judgement ??= axe.run(document, {resultTypes: ["violations"]}).then(r => { window.judged = r.violations })
		return window.judged
	})()`)
	return evaluate[[]string](p, `(() => {
		const found = window.judged.map(v => v.id + " (" + v.impact + "): " + v.help + "\n" +
			v.nodes.map(n => "\t" + n.html.slice(0, 200) + "\n\t" + (n.failureSummary ?? "")).join("\n"))
		delete window.judgement
		delete window.judged
		return found
	})()`)
}

// Every page is usable with a screen reader and by keyboard, as far as a program
// can tell, wide and narrow, light and dark.
func TestStory_Accessible(t *testing.T) {
	axe := axeScript(t)
	b := start(t, newDatabase(t), nil)
	p := newPage(t, b.base)
	p.open("/login")
	p.see("h1", "Sign in")
	for _, violation := range p.violations(axe) {
		t.Errorf("/login: %s", violation)
	}
	evaluate[bool](p, `document.querySelector("main").append(document.createElement("button")), true`)
	if len(p.violations(axe)) == 0 {
		t.Fatal("axe-core finds nothing wrong with a button that says nothing: it does not look")
	}
	p.open(b.login)
	p.see("h1", "Current rides")
	p.createRide(p.people("#customer")[0], p.people("#driver")[0])
	roster := p.upload("/customers", "Ada Example,07700 900301\nNobody,nonsense\n")
	pages := []string{
		"/", "/nowhere", "/simulator", "/rides", "/rides?q=nobody", "/rides/1", "/rides/1/cancel", "/messages", "/messages/1",
		"/customers", "/customers?q=nobody", "/customers/1", "/customers/1/delete", "/customers/import", roster, roster + "?show=add",
		"/drivers", "/drivers/1",
		"/numbers", "/numbers?q=000000", "/numbers/1", "/numbers/1/retire", "/numbers/owned",
		"/setup", "/sign-out-everywhere",
	}
	for _, look := range []struct {
		width int64
		dark  bool
	}{{1280, false}, {360, true}} {
		p.appear(look.width, look.dark)
		for _, path := range pages {
			p.open(path)
			p.wait("the page is whole", `document.readyState === "complete"`)
			for _, violation := range p.violations(axe) {
				t.Errorf("%s at %d px, dark %v: %s", path, look.width, look.dark, violation)
			}
			if wide := evaluate[int](p, `document.documentElement.scrollWidth - innerWidth`); wide > 0 {
				t.Errorf("%s scrolls sideways by %d px at %d px", path, wide, look.width)
			}
		}
	}
}
