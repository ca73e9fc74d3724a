package golden

import (
	"math/rand"
	"reflect"
	"strings"
)

// This file makes random cases: their types, and what may stand in for interfaces.

// randomCase is one case, made from a seed and a number alone.
type randomCase struct {
	r    *rand.Rand
	c    *Case
	made []reflect.Type // types to use again
	regs []reflect.Type // as they were registered
	left int            // values that may still be made
	deep int            // how deep types that contain themselves may go
}

func newRandomCase(seed, number int64, attempt int) *randomCase {
	mix := uint64(seed)*0x9e3779b97f4a7c15 + uint64(number)*0xbf58476d1ce4e5b9 + uint64(attempt)*0x94d049bb133111eb
	mix ^= mix >> 29
	g := &randomCase{r: rand.New(rand.NewSource(int64(mix))), c: &Case{}}
	for n := g.r.Intn(4); n >= 0; n-- {
		g.made = append(g.made, g.typ(1+g.r.Intn(4)))
	}
	g.register()
	g.left, g.deep = 40, 6
	switch g.r.Intn(60) {
	case 0, 1, 2, 3:
		g.left = 400
	case 4:
		g.left = 6000
	case 5:
		g.left, g.deep = 400, 80
	}
	for n := []int{1, 1, 1, 2, 2, 3, 4, 5}[g.r.Intn(8)]; n > 0; n-- {
		t := g.made[g.r.Intn(len(g.made))]
		if g.r.Intn(6) == 0 {
			t = g.typ(2)
		}
		p := reflect.New(t)
		g.fill(p.Elem(), place{elem: true, depth: g.deep})
		v := p.Interface()
		if base := baseOf(t); base.Kind() != reflect.Interface && g.r.Intn(3) == 0 {
			v = p.Elem().Interface()
		}
		g.c.Vals = append(g.c.Vals, v)
	}
	return g
}

func (g *randomCase) one(ts []reflect.Type) reflect.Type { return ts[g.r.Intn(len(ts))] }

var basicTypes = []reflect.Type{
	T[bool](), T[int](), T[int8](), T[int16](), T[int32](), T[int64](), T[uint](), T[uint8](), T[uint16](), T[uint32](),
	T[uint64](), T[uintptr](), T[float32](), T[float64](), T[complex64](), T[complex128](), T[string](), T[string](), T[[]byte](),
}

func (g *randomCase) typ(depth int) reflect.Type {
	n := g.r.Intn(100)
	if depth <= 0 {
		n /= 2
	}
	switch {
	case n < 32:
		return g.one(basicTypes)
	case n < 37:
		return g.one(poolBasics)
	case n < 40:
		return g.one(poolCodecs)
	case n < 43:
		return T[any]()
	case n < 50:
		if len(g.made) > 0 {
			return g.one(g.made)
		}
		return g.one(pool)
	case n < 60:
		return g.one(pool)
	case n < 67:
		return reflect.SliceOf(g.typ(depth - 1))
	case n < 70:
		return reflect.ArrayOf([]int{0, 1, 2, 3, 5, 17}[g.r.Intn(6)], g.typ(depth-1))
	case n < 77:
		return reflect.MapOf(g.key(), g.typ(depth-1))
	case n < 84:
		return g.pointer(g.typ(depth - 1))
	}
	return g.structure(depth)
}

func (g *randomCase) pointer(t reflect.Type) reflect.Type {
	for n := []int{1, 1, 1, 2, 3}[g.r.Intn(5)]; n > 0; n-- {
		t = reflect.PtrTo(t)
	}
	return t
}

func (g *randomCase) key() reflect.Type {
	for {
		t := g.one(basicTypes)
		switch g.r.Intn(14) {
		case 0, 1:
			t = g.one(poolBasics)
		case 2:
			t = reflect.ArrayOf(g.r.Intn(3), g.one(basicTypes))
		case 3:
			t = []reflect.Type{T[RPoint](), T[RTriple](), T[RKinds](), T[any](), T[REmpty](), T[RGobVal]()}[g.r.Intn(5)]
		case 4:
			t = reflect.PtrTo(g.one(basicTypes))
		case 5:
			t = reflect.StructOf([]reflect.StructField{{Name: "K", Type: g.one(basicTypes)}, {Name: "L", Type: T[string]()}})
		}
		if t.Comparable() {
			return t
		}
	}
}

var fieldNames = strings.Fields("A B C D E F X Y Z In Name N Value Ärger Ωmega Long_name_of_a_field V2")

func (g *randomCase) structure(depth int) reflect.Type {
	var fields []reflect.StructField
	order := g.r.Perm(len(fieldNames))
	for n := g.r.Intn(7); n > 0; n-- {
		fields = append(fields, reflect.StructField{Name: fieldNames[order[n]], Type: g.typ(depth - 1)})
	}
	switch g.r.Intn(14) {
	case 0:
		fields = append(fields, reflect.StructField{Name: "Ch", Type: T[chan int]()})
	case 1:
		fields = append(fields, reflect.StructField{Name: "Fn", Type: T[*func()]()})
	case 2:
		if len(fields) > 0 {
			fields = append(fields, reflect.StructField{Name: "hidden", PkgPath: "goldengen/golden", Type: T[int]()})
		}
	case 3, 4:
		t := []reflect.Type{T[RPoint](), T[RInner](), T[RNode](), T[*RInner](), T[RHidden](), T[RTree]()}[g.r.Intn(6)]
		fields = append(fields, reflect.StructField{Name: baseOf(t).Name(), Type: t, Anonymous: true})
	}
	if len(fields) == 0 && g.r.Intn(4) > 0 {
		fields = append(fields, reflect.StructField{Name: "A", Type: g.typ(depth - 1)})
	}
	return structOf(fields)
}

// structOf makes the struct, without embedding where reflect refuses that.
func structOf(fields []reflect.StructField) (t reflect.Type) {
	defer func() {
		if recover() != nil {
			for i := range fields {
				fields[i].Anonymous = false
			}
			t = reflect.StructOf(fields)
		}
	}()
	return reflect.StructOf(fields)
}

// register chooses what interface values may hold, beside Go's basic types.
func (g *randomCase) register() {
	seen := map[reflect.Type]bool{}
	add := func(t reflect.Type) {
		b := baseOf(t)
		if b.Kind() == reflect.Interface || seen[b] || ifaceNames[b] != "" {
			return
		}
		name := defaultName(t)
		if g.r.Intn(3) == 0 || len(name) > 900 {
			name = []string{"r", "custom.name/", "ünï", "*star", "[]int", strings.Repeat("n", 200)}[g.r.Intn(6)] + string(rune('a'+len(seen)))
		}
		for _, r := range g.c.Reg {
			if r.Name == name {
				return
			}
		}
		seen[b] = true
		g.regs = append(g.regs, t)
		g.c.Reg = append(g.c.Reg, Reg{Name: name, Value: reflect.Zero(t).Interface()})
	}
	for n := g.r.Intn(7); n > 0; n-- {
		add(g.one(poolRegistered))
	}
	for n := g.r.Intn(3); n > 0; n-- {
		t := g.typ(2)
		if g.r.Intn(4) == 0 {
			t = reflect.PtrTo(t)
		}
		if enc, _ := codecs(baseOf(t)); enc == "" || t.Kind() == reflect.Ptr {
			add(t)
		}
	}
}
