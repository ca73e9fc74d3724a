package golden

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"time"
)

// This file has random cases checked, each in a process of its own: gob's
// type ids and registered names are the process's.

// randomJob is what one such process is asked for.
type randomJob struct {
	Seed    int64
	Number  int64
	Attempt int
	Shrink  []shrinkOp
	Tool    []string
	Exact   bool
	Dir     string
	Limit   time.Duration
}

// randomResult is its answer.
type randomResult struct {
	Retry   string // Go refuses to encode the case
	Failure string // inspect, decode, encode or bytes; empty if all is well
	Detail  string
	Spec    json.RawMessage
	Stream  []byte
	Made    []byte // what the tool wrote
	Values  int
	Bytes   int
	Loose   string // why the bytes were not compared
	Lenient int    // runs cut short, because Go's outcome is chance
	Places  int    // where shrinking may begin
}

const randomEnv = "GOLDEN_RANDOM"

func randomChild() bool {
	text := os.Getenv(randomEnv)
	if text == "" {
		return false
	}
	var j randomJob
	check(json.Unmarshal([]byte(text), &j))
	check(json.NewEncoder(os.Stdout).Encode(j.check()))
	return true
}

func (j *randomJob) check() (res randomResult) {
	g := newRandomCase(j.Seed, j.Number, j.Attempt)
	c := g.c
	c.Name = fmt.Sprintf("random_%d_%d_%d", j.Seed, j.Number, j.Attempt)
	for _, op := range j.Shrink {
		c.Vals = op.apply(c.Vals)
	}
	for _, v := range c.Vals {
		p := reflect.ValueOf(v)
		for p.Kind() == reflect.Ptr && !p.IsNil() {
			p = p.Elem()
		}
		if p.Kind() == reflect.Ptr {
			// Of a pointer to a nil pointer, Go sends a message without a value.
			return randomResult{Retry: "nil at top level"}
		}
	}
	if len(c.Vals) == 0 {
		return randomResult{Retry: "no values"}
	}
	res.Places = places(c.Vals)
	res.Values = len(c.Vals)

	e := &Entry{Name: c.Name}
	tt := c.types(e)
	stream, refused := c.tryStream(e, tt)
	if refused != "" {
		res.Retry = refused
		return res
	}
	res.Stream, res.Bytes = stream, len(stream)
	for _, v := range c.Vals {
		if w := loose(reflect.ValueOf(v)); w != "" {
			res.Loose = w
		}
	}
	wire, err := Inspect(stream)
	for _, m := range wire {
		d, ok := m.(obj)["def"].(*WireDef)
		if ok && d.refersToNothing() {
			// Go itself cannot read that.
			res.Retry = "Go defines a type that contains itself by a type 0"
			return res
		}
		if ok && e.FirstID == 0 {
			e.FirstID = d.ID
		}
	}
	if err != nil {
		res.fail("checker", "Go's stream is not understood by the checker: "+err.Error())
		return res
	}

	g.addRuns()
	e.Types = tt.defs
	for _, r := range c.runs() {
		steps := c.run(tt, r, stream)
		if n := c.reliable(r, steps); n < len(steps) {
			steps = steps[:n]
			res.Lenient++
		}
		e.Runs = append(e.Runs, jsonRun{r.Name, false, roundTrip(steps)})
	}

	base := toolSpec{Name: e.Name, FirstID: e.FirstID, Types: e.Types, Registered: e.Registered}
	streamFile := j.file("stream")
	check(os.WriteFile(streamFile, stream, 0o644))

	// Inspect.
	out, err := j.call("inspect", streamFile)
	var seen toolInspect
	if err == nil {
		err = parseJSON(out, &seen)
	}
	switch {
	case err != nil:
		res.fail("inspect", err.Error())
	case seen.Error != "":
		res.fail("inspect", "unexpected error "+seen.Error)
	default:
		if a, b := canon(roundTripAny(wire)), canon(seen.Messages); a != b {
			res.fail("inspect", difference(a, b))
		}
	}

	// Decode.
	spec := base
	for _, r := range e.Runs {
		q := jsonRun{Name: r.Name}
		for _, st := range r.Steps {
			q.Steps = append(q.Steps, jsonStep{Recv: st.Recv, Init: st.Init, NewDec: st.NewDec})
		}
		spec.Runs = append(spec.Runs, q)
	}
	specText := j.writeSpec("runs", spec)
	if res.Failure == "inspect" {
		res.Spec = specText
	}
	out, err = j.call("decode", j.file("runs"), streamFile)
	var runs toolRuns
	if err == nil {
		err = parseJSON(out, &runs)
	}
	msg := ""
	if err != nil {
		msg = err.Error()
	}
	for i := 0; msg == "" && i < len(e.Runs); i++ {
		if len(e.Runs[i].Steps) == 0 {
			continue
		}
		if i >= len(runs.Runs) {
			msg = "run " + e.Runs[i].Name + " is missing"
		} else if d := checkRun(e, flatten(e.Runs[i]), flatten(jsonRun{Name: e.Runs[i].Name, Steps: runs.Runs[i].Steps}).Steps, "class"); d != "" {
			msg = fmt.Sprintf("run %d, %s: %s", i, e.Runs[i].Name, d)
		}
	}
	if msg != "" && res.fail("decode", msg) {
		res.Spec = specText
	}

	// Encode.
	spec = base
	spec.Encode = e.Encode
	specText = j.writeSpec("encode", spec)
	made, err := j.call("encode", j.file("encode"))
	res.Bytes += len(made)
	switch kind, msg := c.judge(e, tt, stream, made, err, j.Exact && res.Loose == ""); {
	case msg == "":
	case res.fail(kind, msg):
		res.Spec, res.Made = specText, made
	}
	return res
}

// judge has Go read what the tool made of the values.
func (c *Case) judge(e *Entry, tt *typeTable, stream, made []byte, err error, exact bool) (kind, msg string) {
	if err != nil {
		return "encode", err.Error()
	}
	for i, r := range c.runs()[:2] {
		if i == 1 && len(e.Runs[i].Steps) <= len(c.Vals) {
			break // Go cannot skip all that it can send
		}
		got := roundTrip(c.run(tt, r, made))
		want := e.Runs[i]
		if len(want.Steps) < len(got) {
			got = got[:len(want.Steps)]
		}
		if d := diffSteps(e, want.Steps, got, "class"); d != "" {
			return "encode", "Go reads, run " + r.Name + ": " + d
		}
	}
	if !exact {
		return "", ""
	}
	a, b := append([]byte{}, stream...), append([]byte{}, made...)
	if err := SortMaps(a); err != nil {
		return "", ""
	}
	if err := SortMaps(b); err != nil {
		return "bytes", err.Error()
	}
	if !bytes.Equal(a, b) {
		at := 0
		for at < len(a) && at < len(b) && a[at] == b[at] {
			at++
		}
		wa, _ := Inspect(a)
		wb, _ := Inspect(b)
		return "bytes", fmt.Sprintf("from byte %d on, of %d and %d; with sorted maps:\n  want %.400x\n  got  %.400x\n%s", at, len(a), len(b), a, b,
			difference(canon(roundTripAny(wa)), canon(roundTripAny(wb))))
	}
	return "", ""
}

// fail notes the first thing that is wrong.
func (res *randomResult) fail(kind, detail string) bool {
	if res.Failure != "" {
		return false
	}
	res.Failure, res.Detail = kind, detail
	return true
}

// difference shows where two texts part.
func difference(a, b string) string {
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	from := at - 150
	if from < 0 {
		from = 0
	}
	return fmt.Sprintf("\n  want …%.500s\n  got  …%.500s", a[from:], b[from:])
}

func parseJSON(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return d.Decode(v)
}

func roundTripAny(v any) (out any) {
	b, err := json.Marshal(v)
	check(err)
	check(parseJSON(b, &out))
	return out
}

func (j *randomJob) file(name string) string { return filepath.Join(j.Dir, name) }

func (j *randomJob) writeSpec(name string, s toolSpec) []byte {
	b, err := json.Marshal(s)
	check(err)
	check(os.WriteFile(j.file(name), b, 0o644))
	return b
}

func (j *randomJob) call(args ...string) ([]byte, error) {
	out, err := os.Create(j.file("out"))
	check(err)
	defer out.Close()
	text, err := os.Create(j.file("err"))
	check(err)
	defer text.Close()
	ctx, cancel := context.WithTimeout(context.Background(), j.Limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, j.Tool[0], append(append([]string{}, j.Tool[1:]...), args...)...)
	cmd.Env = toolEnv()
	cmd.Stdout, cmd.Stderr = out, text
	runErr := cmd.Run()
	b, err := os.ReadFile(out.Name())
	check(err)
	if runErr != nil {
		if ctx.Err() != nil {
			runErr = fmt.Errorf("no end after %v", j.Limit)
		}
		said, _ := os.ReadFile(text.Name())
		return b, fmt.Errorf("the tool failed (%v): %.600s", runErr, said)
	}
	return b, nil
}

func toolEnv() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, randomEnv+"=") {
			env = append(env, v)
		}
	}
	return env
}

// tryStream encodes, and tells why Go refused to.
func (c *Case) tryStream(e *Entry, tt *typeTable) (stream []byte, refused string) {
	defer func() {
		if p := recover(); p != nil {
			refused = fmt.Sprint(p)
		}
	}()
	return c.stream(e, tt), ""
}

// flatten takes a pointer to nothing for nil in runs that merge. What was never
// sent keeps the difference in Go, and nothing on a stream can tell of it.
func flatten(r jsonRun) jsonRun {
	if r.Name != "merge" {
		return r
	}
	steps := make([]jsonStep, len(r.Steps))
	for i, s := range r.Steps {
		s.Value = flat(s.Value)
		steps[i] = s
	}
	r.Steps = steps
	return r
}

func flat(v any) any {
	switch x := v.(type) {
	case []any:
		l := make([]any, len(x))
		for i := range x {
			l[i] = flat(x[i])
		}
		return l
	case obj:
		o := obj{}
		for k, e := range x {
			o[k] = flat(e)
		}
		if p, ok := o["ptr"]; ok && len(o) == 1 {
			if l, ok := p.([]any); p == nil || p == "" || ok && len(l) == 0 {
				return nil
			}
		}
		return o
	}
	return v
}
