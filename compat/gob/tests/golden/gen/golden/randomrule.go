package golden

import "reflect"

// This file tells where Go is no rule for others.

// refersToNothing tells whether the definition names a type 0. Go writes such
// ones for types that contain themselves through parts without a name, if it
// meets such a part first.
func (d *WireDef) refersToNothing() bool {
	for _, f := range d.Fields {
		if f.ID == 0 {
			return true
		}
	}
	switch d.Kind {
	case "map":
		return d.Key == 0 || d.Elem == 0
	case "slice", "array":
		return d.Elem == 0
	}
	return false
}

// reliable tells how many steps of a run are a rule for others: all, up to
// one where Go's outcome is chance.
func (c *Case) reliable(r Run, steps []jsonStep) int {
	for k, st := range steps {
		if st.Panic != "" {
			return k
		}
		if k >= len(c.Vals) {
			break
		}
		v := reflect.ValueOf(c.Vals[k])
		if r.Name != "typed" && r.Name != "merge" && (st.Recv == nil || r.Name == "evolved") && unskippable(v, true, false) {
			return k
		}
		if st.Error != "" && defines(v) {
			return k + 1 // the value's later pieces were left behind
		}
	}
	return len(steps)
}

// unskippable tells whether Go may go astray where it skips the value: over
// nil among elements, and over interface values within interface values.
func unskippable(v reflect.Value, elem, inside bool) bool {
	switch v.Kind() {
	case reflect.Interface:
		if v.IsNil() {
			return elem
		}
		return inside || unskippable(v.Elem(), false, true)
	case reflect.Ptr:
		return !v.IsNil() && unskippable(v.Elem(), elem, inside)
	case reflect.Struct:
		if enc, _ := codecs(v.Type()); enc != "" {
			return false
		}
		for i := 0; i < v.NumField(); i++ {
			if ok, _ := fieldSent(v.Type().Field(i)); ok && unskippable(v.Field(i), false, inside) {
				return true
			}
		}
	case reflect.Slice, reflect.Array:
		for i := 0; i < v.Len(); i++ {
			if unskippable(v.Index(i), true, inside) {
				return true
			}
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			if unskippable(k, true, inside) || unskippable(v.MapIndex(k), true, inside) {
				return true
			}
		}
	}
	return false
}

// loose tells why a tool cannot know which bytes Go writes: Go's order of
// map entries decides the numbers of types, or SPEC does not say all.
func loose(v reflect.Value) string {
	if !v.IsValid() {
		return ""
	}
	t := v.Type()
	if enc, _ := codecs(t); enc != "" && t.Kind() != reflect.Ptr && t.Kind() != reflect.Interface {
		return ""
	}
	switch t.Kind() {
	case reflect.Ptr, reflect.Interface:
		if !v.IsNil() {
			return loose(v.Elem())
		}
	case reflect.Struct:
		for i := 0; i < t.NumField(); i++ {
			f := v.Field(i)
			if ok, _ := fieldSent(t.Field(i)); !ok {
				continue
			}
			// Whether that is left out hangs on the receivers of its methods.
			if enc, _ := codecs(f.Type()); enc != "" && f.Kind() != reflect.Ptr && f.Kind() != reflect.Interface &&
				(f.IsZero() || Value(f).(obj)["opaque"] == "") {
				return "a zero value that encodes itself"
			}
			if w := loose(f); w != "" {
				return w
			}
		}
	case reflect.Slice, reflect.Array:
		for i := 0; i < v.Len() && t.Elem().Kind() > reflect.Complex128 && t.Elem().Kind() != reflect.String; i++ {
			if w := loose(v.Index(i)); w != "" {
				return w
			}
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			if v.Len() > 1 && (defines(k) || defines(v.MapIndex(k))) {
				return "several entries, one of which defines a type"
			}
			if w := loose(k) + loose(v.MapIndex(k)); w != "" {
				return w
			}
		}
	}
	return ""
}

// defines tells whether the value holds interface values of other than basic types.
func defines(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Interface:
		if v.IsNil() {
			return false
		}
		b := baseOf(v.Elem().Type())
		return b.Name() == "" && !(b.Kind() == reflect.Slice && b.Elem().Kind() == reflect.Uint8) || b.PkgPath() != "" || defines(v.Elem())
	case reflect.Ptr:
		return !v.IsNil() && defines(v.Elem())
	case reflect.Struct:
		if enc, _ := codecs(v.Type()); enc != "" {
			return false
		}
		for i := 0; i < v.NumField(); i++ {
			if defines(v.Field(i)) {
				return true
			}
		}
	case reflect.Slice, reflect.Array:
		for i := 0; i < v.Len(); i++ {
			if defines(v.Index(i)) {
				return true
			}
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			if defines(k) || defines(v.MapIndex(k)) {
				return true
			}
		}
	}
	return false
}
