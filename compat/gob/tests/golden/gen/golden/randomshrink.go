package golden

import (
	"reflect"
	"strings"
	"time"
)

// This file makes cases that fail smaller.

// shrinkOp makes a case smaller: it drops value At, or does something at
// one of the places within the values.
type shrinkOp struct {
	Op string // drop, zero, half, hoist
	At int
}

func (op shrinkOp) apply(vals []any) (out []any) {
	// What cannot be done is left undone; the failure then goes away or stays.
	defer func() {
		if recover() != nil {
			out = vals
		}
	}()
	if op.Op == "drop" {
		return append(append([]any{}, vals[:op.At]...), vals[op.At+1:]...)
	}
	n := op.At
	for i, v := range vals {
		p := reflect.New(reflect.TypeOf(v)).Elem()
		p.Set(reflect.ValueOf(v))
		done := false
		var hoisted reflect.Value
		walk(p, func(v reflect.Value) bool {
			n--
			if n >= 0 || done {
				return !done
			}
			done = true
			switch op.Op {
			case "zero":
				if v.Kind() == reflect.Slice || v.Kind() == reflect.Map || v.Kind() == reflect.Ptr || v.Kind() == reflect.Interface || v.Kind() <= reflect.Complex128 || v.Kind() == reflect.String {
					v.Set(reflect.Zero(v.Type()))
				}
			case "half":
				if v.Kind() == reflect.Slice && v.Len() > 1 {
					v.Set(v.Slice(0, v.Len()/2))
				} else if v.Kind() == reflect.String && v.Len() > 1 {
					v.SetString(v.String()[:v.Len()/2])
				} else if v.Kind() == reflect.Map && v.Len() > 0 {
					v.SetMapIndex(v.MapKeys()[0], reflect.Value{})
				}
			case "hoist":
				hoisted = reflect.New(v.Type())
				hoisted.Elem().Set(v)
			}
			return false
		})
		if done {
			out = append([]any{}, vals...)
			out[i] = p.Interface()
			if hoisted.IsValid() {
				out[i] = hoisted.Interface()
			}
			return out
		}
	}
	return vals
}

// places counts what walk visits.
func places(vals []any) int {
	n := 0
	for _, v := range vals {
		p := reflect.New(reflect.TypeOf(v)).Elem()
		p.Set(reflect.ValueOf(v))
		walk(p, func(reflect.Value) bool { n++; return n < 2000 })
	}
	return n
}

// walk visits what can be set within a value, outer things first.
func walk(v reflect.Value, visit func(reflect.Value) bool) bool {
	if v.CanSet() && !visit(v) {
		return false
	}
	switch v.Kind() {
	case reflect.Ptr:
		if !v.IsNil() {
			if enc, _ := codecs(baseOf(v.Type())); enc == "" {
				return walk(v.Elem(), visit)
			}
		}
	case reflect.Interface:
		if !v.IsNil() && v.CanSet() {
			x := reflect.New(v.Elem().Type()).Elem()
			x.Set(v.Elem())
			ok := walk(x, visit)
			v.Set(x)
			return ok
		}
	case reflect.Struct:
		if enc, _ := codecs(v.Type()); enc != "" {
			return true
		}
		for i := 0; i < v.NumField(); i++ {
			if ok, _ := fieldSent(v.Type().Field(i)); ok && !walk(v.Field(i), visit) {
				return false
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return true
		}
		for i := 0; i < v.Len(); i++ {
			if !walk(v.Index(i), visit) {
				return false
			}
		}
	case reflect.Map:
		for _, k := range sortedKeys(v) {
			x := reflect.New(v.Type().Elem()).Elem()
			x.Set(v.MapIndex(k))
			ok := walk(x, visit)
			v.SetMapIndex(k, x)
			if !ok {
				return false
			}
		}
	}
	return true
}

func sortedKeys(v reflect.Value) []reflect.Value {
	ks := v.MapKeys()
	for i := range ks {
		for k := i; k > 0 && keyLess(ks[k], ks[k-1]); k-- {
			ks[k], ks[k-1] = ks[k-1], ks[k]
		}
	}
	return ks
}

// shrink looks for a smaller case that fails alike.
func (j randomJob) shrink(res randomResult, until time.Time) (randomJob, randomResult) {
	try := func(op shrinkOp) bool {
		if time.Now().After(until) {
			return false
		}
		k := j
		k.Shrink = append(append([]shrinkOp{}, j.Shrink...), op)
		r := k.once()
		if r.Failure != res.Failure || gist(r.Detail) != gist(res.Detail) || r.Retry != "" || len(r.Stream) >= len(res.Stream) && r.Values >= res.Values && r.Places >= res.Places {
			return false
		}
		j, res = k, r
		return true
	}
	for again := true; again && time.Now().Before(until); {
		again = false
		for i := res.Values - 1; i >= 0 && res.Values > 1; i-- {
			again = try(shrinkOp{"drop", i}) || again
		}
		for _, op := range []string{"hoist", "zero", "half"} {
			for i := 1; i < res.Places; i++ {
				for n := 0; n < 20 && try(shrinkOp{op, i}); n++ {
					again = true
				}
			}
		}
	}
	return j, res
}

// gist is what failures of one kind have in common.
func gist(detail string) string {
	g := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, detail)
	if i := strings.IndexByte(g, '\n'); i >= 0 {
		g = g[:i]
	}
	if len(g) > 60 {
		g = g[:60]
	}
	return g
}
