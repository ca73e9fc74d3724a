package golden

import "reflect"

// This file chooses what a case is decoded into, beside its own types.

// evolve changes a type as programs do over time: most of it still fits.
func (g *randomCase) evolve(t reflect.Type, seen map[reflect.Type]bool) (out reflect.Type) {
	defer func() {
		if recover() != nil {
			out = t
		}
	}()
	if enc, _ := codecs(baseOf(t)); enc != "" || seen[t] {
		return t
	}
	if t.Kind() != reflect.Ptr && g.r.Intn(12) == 0 {
		return reflect.PtrTo(g.evolve(t, seen))
	}
	if g.r.Intn(120) == 0 {
		return g.typ(1)
	}
	if t.Name() != "" && t.Kind() >= reflect.Array && t.Kind() != reflect.String {
		seen[t] = true
		defer delete(seen, t)
	}
	among := func(ts ...reflect.Type) reflect.Type {
		if g.r.Intn(3) > 0 {
			return t
		}
		return g.one(ts)
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return among(T[int](), T[int8](), T[int16](), T[int32](), T[int64](), T[RInt]())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return among(T[uint](), T[uint8](), T[uint16](), T[uint32](), T[uint64](), T[uintptr](), T[RUint16]())
	case reflect.Float32, reflect.Float64:
		return among(T[float32](), T[float64]())
	case reflect.Complex64, reflect.Complex128:
		return among(T[complex64](), T[complex128]())
	case reflect.String:
		return among(T[string](), T[RString](), T[RText]())
	case reflect.Ptr:
		if e := g.evolve(t.Elem(), seen); g.r.Intn(3) > 0 {
			return reflect.PtrTo(e)
		} else {
			return e
		}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return among(T[[]byte](), T[RBytes](), T[ROctets]())
		}
		return reflect.SliceOf(g.evolve(t.Elem(), seen))
	case reflect.Array:
		n := t.Len()
		if g.r.Intn(25) == 0 {
			n++
		}
		return reflect.ArrayOf(n, g.evolve(t.Elem(), seen))
	case reflect.Map:
		k := g.evolve(t.Key(), seen)
		if !k.Comparable() || !plainKey(k) {
			k = t.Key()
		}
		return reflect.MapOf(k, g.evolve(t.Elem(), seen))
	case reflect.Struct:
		var fields []reflect.StructField
		used := map[string]bool{}
		for i := 0; i < t.NumField(); i++ {
			f := t.Field(i)
			used[f.Name] = true
			if ok, _ := fieldSent(f); !ok || g.r.Intn(7) == 0 {
				continue
			}
			fields = append(fields, reflect.StructField{Name: f.Name, Type: g.evolve(f.Type, seen), Anonymous: f.Anonymous && g.r.Intn(2) == 0})
		}
		g.r.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
		for _, n := range []string{"A", "New", "X"} {
			if !used[n] && g.r.Intn(5) == 0 {
				fields = append(fields, reflect.StructField{Name: n, Type: g.typ(1)})
			}
		}
		from := map[reflect.Type]reflect.Type{}
		for i := range fields {
			f := &fields[i]
			f.Anonymous = f.Anonymous && f.Name == f.Type.Name()
			if old, ok := t.FieldByName(f.Name); ok && !distinct(old.Type, f.Type, from) {
				return t
			}
		}
		return structOf(fields)
	}
	return t
}

// distinct tells whether no type of a struct's fields stands for two types
// that it was before. Go takes such two for the same, decoder.go's compileDec
// shares what it has compiled among the fields, and so goes astray.
func distinct(old, t reflect.Type, from map[reflect.Type]reflect.Type) bool {
	old, t = baseOf(old), baseOf(t)
	if t.Kind() < reflect.Array || t.Kind() == reflect.String || t.Kind() == reflect.Interface {
		return true
	}
	if before, ok := from[t]; ok {
		return before == old
	}
	from[t] = old
	if old.Kind() != t.Kind() || t.Kind() == reflect.Struct {
		return true
	}
	return (t.Kind() != reflect.Map || distinct(old.Key(), t.Key(), from)) && distinct(old.Elem(), t.Elem(), from)
}

// addRuns adds to the default runs: other receivers, used ones, and values
// that are discarded between others.
func (g *randomCase) addRuns() {
	vals := g.c.Vals
	for n := g.r.Intn(3); n > 0; n-- {
		run := Run{Name: "evolved"}
		for _, v := range vals {
			run.Steps = append(run.Steps, Step{Recv: g.evolve(baseOf(reflect.TypeOf(v)), map[reflect.Type]bool{})})
		}
		g.c.Runs = append(g.c.Runs, run)
	}
	if g.r.Intn(3) == 0 {
		run := Run{Name: "merge"}
		for _, v := range vals {
			t := baseOf(reflect.TypeOf(v))
			s := Step{Recv: t}
			if t.Kind() != reflect.Interface {
				p := reflect.New(t)
				g.left = 30
				g.fill(p.Elem(), place{depth: 4})
				s.Init = p.Elem().Interface()
			}
			run.Steps = append(run.Steps, s)
		}
		g.c.Runs = append(g.c.Runs, run)
	}
	if len(vals) > 1 {
		run := Run{Name: "some"}
		for _, v := range vals {
			s := Step{}
			if g.r.Intn(2) == 0 {
				s.Recv = baseOf(reflect.TypeOf(v))
			}
			run.Steps = append(run.Steps, s)
		}
		g.c.Runs = append(g.c.Runs, run)
	}
}
