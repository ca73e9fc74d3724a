package golden

import (
	"math"
	"math/rand"
	"reflect"
	"strings"
)

// This file makes random values, edge cases above all.

// place says where a value stands.
type place struct {
	elem   bool // nil pointers cannot be sent here
	key    bool // it has to be comparable, and equal to itself
	fixed  bool // it has no address
	depth  int
	nested int // interfaces around it
}

func (p place) deeper() place { p.depth--; return p }

// fill gives a value that holds nothing yet a random one.
func (g *randomCase) fill(v reflect.Value, p place) {
	if !v.CanSet() {
		return
	}
	t := v.Type()
	g.left--
	dry := g.left < 0 || p.depth < 0
	if t.Kind() == reflect.Ptr {
		if !p.elem && (dry || g.r.Intn(4) == 0) {
			return
		}
		n := reflect.New(t.Elem())
		q := p
		q.fixed = false
		g.fill(n.Elem(), q)
		if enc, _ := codecs(baseOf(t)); !p.elem && enc == "" && t.Elem().Kind() != reflect.Ptr && g.r.Intn(6) == 0 {
			n.Elem().Set(reflect.Zero(t.Elem()))
			g.required(n.Elem())
		}
		v.Set(n)
		return
	}
	if make := poolCodecValues[t]; make != nil {
		if !dry {
			v.Set(reflect.ValueOf(make(g.r)))
		}
		return
	}
	if dry {
		g.required(v)
		return
	}
	switch t.Kind() {
	case reflect.Bool:
		v.SetBool(g.r.Intn(2) == 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(fitInt(g.r, randomInt(g.r), t.Bits()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		v.SetUint(uint64(randomInt(g.r)) >> (64 - uint(t.Bits())))
		if x := uint64(randomInt(g.r)); g.r.Intn(2) == 0 && !v.OverflowUint(x) {
			v.SetUint(x)
		}
	case reflect.Float32, reflect.Float64:
		v.SetFloat(g.float(t.Bits(), p.key))
	case reflect.Complex64, reflect.Complex128:
		b := t.Bits() / 2
		v.SetComplex(complex(g.float(b, p.key), g.float(b, p.key)))
	case reflect.String:
		v.SetString(randomString(g.r))
	case reflect.Interface:
		g.iface(v, p)
	case reflect.Struct:
		q := p.deeper()
		q.elem = false
		for i := 0; i < t.NumField(); i++ {
			if ok, _ := fieldSent(t.Field(i)); ok && (p.key || g.r.Intn(5) > 0 || t.Field(i).Type.Kind() == reflect.Array || t.Field(i).Type.Kind() == reflect.Struct) {
				g.fill(v.Field(i), q)
			}
		}
	case reflect.Array:
		q := p.deeper()
		q.elem = true
		for i := 0; i < v.Len(); i++ {
			g.fill(v.Index(i), q)
		}
	case reflect.Slice:
		n := g.length()
		if n < 0 {
			return
		}
		if t.Elem().Kind() == reflect.Uint8 && g.r.Intn(20) == 0 {
			n = []int{127, 128, 255, 256, 5000, 70000}[g.r.Intn(6)]
			v.Set(reflect.MakeSlice(t, n, n))
			for i, b := range Pattern(31, 17, 5, n) {
				v.Index(i).SetUint(uint64(b))
			}
			return
		}
		v.Set(reflect.MakeSlice(t, n, n))
		q := p.deeper()
		q.elem, q.fixed = true, false
		for i := 0; i < n; i++ {
			g.fill(v.Index(i), q)
		}
	case reflect.Map:
		n := g.length()
		if n < 0 {
			return
		}
		v.Set(reflect.MakeMap(t))
		if n > 1 && !plainKey(t.Key()) {
			n = 1
		}
		q := p.deeper()
		q.elem, q.fixed = true, true
		for ; n > 0; n-- {
			k, e := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
			kq := q
			kq.key = true
			g.fill(k, kq)
			g.fill(e, q)
			v.SetMapIndex(k, e)
		}
	}
}

// required puts pointers where gob does not let them be nil.
func (g *randomCase) required(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := 0; i < v.NumField(); i++ {
			if v.Field(i).CanSet() && (v.Field(i).Kind() == reflect.Array || v.Field(i).Kind() == reflect.Struct) {
				g.required(v.Field(i))
			}
		}
	case reflect.Array:
		for i := 0; i < v.Len(); i++ {
			g.fill(v.Index(i), place{elem: true, depth: -1})
		}
	}
}

// plainKey tells whether keys of the type differ if and only if what they
// are on the stream differs.
func plainKey(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Ptr:
		return false
	case reflect.Array:
		return plainKey(t.Elem())
	case reflect.Struct:
		if enc, _ := codecs(t); enc != "" {
			return false
		}
		for i := 0; i < t.NumField(); i++ {
			if ok, _ := fieldSent(t.Field(i)); !ok || !plainKey(t.Field(i).Type) {
				return false
			}
		}
	}
	return true
}

func (g *randomCase) length() int {
	if g.left <= 0 {
		return 0
	}
	if g.left > 3000 && g.r.Intn(3) == 0 {
		return 100 + g.r.Intn(3000)
	}
	return []int{-1, 0, 1, 1, 2, 2, 3, 5}[g.r.Intn(8)]
}

func (g *randomCase) iface(v reflect.Value, p place) {
	if g.r.Intn(6) == 0 || p.nested > 4 {
		return
	}
	var t reflect.Type
	if fits := g.fitting(v.Type(), p.key); len(fits) > 0 && (g.r.Intn(3) > 0 || v.NumMethod() > 0) {
		t = g.one(fits)
	} else if v.NumMethod() > 0 {
		return
	} else {
		t = g.one(basicTypes)
		if !p.key && g.r.Intn(4) == 0 {
			t = []reflect.Type{T[[]int](), T[[]string](), T[[]bool](), T[[]float32](), T[[]uint64](), T[[]complex128](), T[[]uintptr](), T[[]int8]()}[g.r.Intn(8)]
		}
		if p.key && !t.Comparable() {
			t = T[string]()
		}
	}
	x := reflect.New(t).Elem()
	q := p.deeper()
	q.nested++
	q.elem, q.fixed = true, true
	if p.nested > 0 {
		g.left -= 2
	}
	g.fill(x, q)
	v.Set(x)
}

func (g *randomCase) fitting(t reflect.Type, key bool) []reflect.Type {
	var fits []reflect.Type
	for _, r := range g.regs {
		if r.AssignableTo(t) && (!key || (r.Comparable() && plainKey(r))) {
			fits = append(fits, r)
		}
	}
	return fits
}

func randomInt(r *rand.Rand) int64 {
	switch r.Intn(6) {
	case 0:
		return []int64{0, 1, -1, math.MinInt64, math.MaxInt64}[r.Intn(5)]
	case 1:
		return int64(r.Intn(300)) - 150
	case 2, 3:
		x := int64(1) << uint(r.Intn(64))
		if r.Intn(2) == 0 {
			x = -x
		}
		return x + int64(r.Intn(3)) - 1
	case 4:
		return int64(r.Uint64()) >> uint(r.Intn(64))
	}
	return int64(r.Uint64())
}

func fitInt(r *rand.Rand, x int64, bits int) int64 {
	if lim := int64(1) << uint(bits-1); bits < 64 && (x < -lim || x >= lim) {
		return x << uint(64-bits) >> uint(64-bits)
	}
	return x
}

func (g *randomCase) float(bits int, key bool) float64 {
	edges := []float64{0, math.Copysign(0, -1), 1, -1, 0.5, math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64, math.SmallestNonzeroFloat64,
		math.MaxFloat32, math.SmallestNonzeroFloat32, -math.MaxFloat32, math.Float64frombits(0xfff8000000001234), math.Float64frombits(0x7ff0000000000001),
		math.Float64frombits(0x000fffffffffffff), math.Float64frombits(0x0010000000000000), 17, -3.25, 1e100, math.Pi}
	f := edges[g.r.Intn(len(edges))]
	switch g.r.Intn(5) {
	case 0:
		f = float64(randomInt(g.r))
	case 1:
		f = math.Float64frombits(g.r.Uint64())
	case 2:
		f = float64(g.r.Intn(2000)-1000) / 8
	}
	if bits == 32 {
		f = float64(float32(f))
	}
	if key && f != f {
		return 2
	}
	return f
}

func randomString(r *rand.Rand) string {
	switch r.Intn(12) {
	case 0, 1:
		return ""
	case 2:
		return "\xff\xfe" + string([]byte{byte(r.Intn(256))})
	case 3:
		return []string{"\x00", "\u2028<&>\"\\", "ünïcödé", "日本語", "\xed\xa0\x80", "\U0010ffff", "\x7f\x80", "a\x00b", "\r\n\t", "null"}[r.Intn(10)]
	case 4:
		return strings.Repeat(string(rune('a'+r.Intn(26))), []int{63, 64, 127, 128, 129, 255, 256, 300}[r.Intn(8)])
	case 5:
		b := make([]byte, r.Intn(12))
		r.Read(b)
		return string(b)
	case 6:
		if r.Intn(20) == 0 {
			return string(Pattern(7, 3, 1, 3000+r.Intn(70000)))
		}
	}
	return []string{"a", "b", "key", "value", "Go", "x" + string(rune('0'+r.Intn(10)))}[r.Intn(6)]
}
