package golden

import (
	"encoding/binary"
	"errors"
	"math/big"
	"math/rand"
	"reflect"
	"strings"
	"time"
)

// This file holds the named types of random cases: what reflect cannot make.

type (
	RBool    bool
	RInt     int
	RInt8    int8
	RInt64   int64
	RUint16  uint16
	RUint64  uint64
	RFloat32 float32
	RFloat64 float64
	RComplex complex128
	RString  string
	RBytes   []byte
	ROctet   uint8
	ROctets  []ROctet

	RInts   []int
	RWords  map[string]int
	RTriple [3]uint16
	RNested map[RString][]RPoint

	RPoint struct{ X, Y int }
	REmpty struct{}
	RHolds struct {
		E REmpty
		P *REmpty
		S []REmpty
		M map[string]REmpty
	}
	RKinds struct {
		B   bool
		I   int
		I8  int8
		I16 int16
		I32 int32
		I64 int64
		U   uint
		U8  uint8
		U16 uint16
		U32 uint32
		U64 uint64
		P   uintptr
		F32 float32
		F64 float64
		C64 complex64
		C   complex128
		S   string
		Y   []byte
	}
	RPointers struct {
		A *int
		B **string
		C ***RPoint
		D *[]int
		E *map[string]*int
		F *[2]float64
		G []*RPoint
		H *RString
		I *[]byte
	}

	// Fields that are never sent.
	RHidden struct {
		_     int
		A     int
		small string
		C     chan int
		F     func()
		P     *chan string
		Q     **func(int) int
		Z     string
	}

	RInner  struct{ In, X int }
	REmbeds struct {
		RPoint
		RInner
		Z int
	}
	REmbedsPointer struct {
		*RInner
		RInt
		W string
	}
	rhidden struct{ Promoted int }
	RHides  struct {
		rhidden
		Own int
	}

	// Types that contain themselves.
	RNode struct {
		V    int32
		Next *RNode
	}
	RTree struct {
		Name string
		Kids []RTree
		Attr map[string]*RTree
	}
	RPing struct {
		N uint8
		P *RPong
	}
	RPong struct {
		S string
		L []RPing
	}
	RSlices  []RSlices
	RPointed []*RPointed
	RMaps    map[string]RMaps
	RMapPtrs map[int8]*RMapPtrs
	RPtrNode struct{ P **RPtrNode }
	RThrough struct{ Any any }
	RArrayed struct{ A [2][]RArrayed }
	RLoopMap map[RPoint][]RLoopMap
	RAnyNode struct {
		Head any
		Tail *RAnyNode
	}

	RAny struct {
		A any
		N int
		B any
	}
	RAnys     []any
	RAnyMap   map[string]any
	RAnyKeyed map[any]string

	RShape  interface{ Area() float64 }
	RSquare struct{ Side float64 }
	RCircle struct {
		R     float64
		Label any
	}
	RSide   float64
	RCorner []RShape
	RShaped struct {
		S RShape
		L []RShape
		M map[string]RShape
		P *RShape
	}

	RPair[A, B any] struct {
		First  A
		Second B
	}

	// Types that encode themselves, by value and by pointer. A zero value is
	// no bytes: a tool cannot know better what was not sent.
	RGobVal   struct{ n int }
	RGobPtr   struct{ s string }
	RGobInt   int
	RGobMap   map[string]int
	RBinVal   struct{ A, b byte }
	RBinPtr   struct{ b []byte }
	RBinBytes []byte
	// Sent as the string that it is.
	RText string

	RCodecs struct {
		V  RGobVal
		P  RGobPtr
		PV *RGobVal
		PP *RGobPtr
		B  RBinVal
		Q  *RBinPtr
		L  []RGobPtr
		M  map[string]*RBinPtr
		T  time.Time
		N  *big.Int
	}
)

func (s RSquare) Area() float64  { return s.Side * s.Side }
func (c *RCircle) Area() float64 { return c.R * c.R * 3 }
func (s RSide) Area() float64    { return float64(s) }
func (c RCorner) Area() float64  { return float64(len(c)) }

func (v RGobVal) GobEncode() ([]byte, error) {
	if v.n == 0 {
		return nil, nil
	}
	return binary.BigEndian.AppendUint64(nil, uint64(v.n)), nil
}

func (v *RGobVal) GobDecode(b []byte) error {
	v.n = 0
	if len(b) == 8 {
		v.n = int(binary.BigEndian.Uint64(b))
	}
	return sized(b, 8)
}

func (p *RGobPtr) GobEncode() ([]byte, error) { return []byte(p.s), nil }
func (p *RGobPtr) GobDecode(b []byte) error   { p.s = string(b); return nil }

func (i RGobInt) GobEncode() ([]byte, error) {
	if i == 0 {
		return nil, nil
	}
	return []byte{byte(i), 'i'}, nil
}

func (i *RGobInt) GobDecode(b []byte) error {
	*i = 0
	if len(b) == 2 {
		*i = RGobInt(b[0])
	}
	return sized(b, 2)
}

func (m RGobMap) GobEncode() ([]byte, error) {
	if m == nil {
		return nil, nil
	}
	return []byte{byte(m["n"])}, nil
}

func (m *RGobMap) GobDecode(b []byte) error {
	*m = nil
	if len(b) == 1 {
		*m = RGobMap{"n": int(b[0])}
	}
	return sized(b, 1)
}

func (v RBinVal) MarshalBinary() ([]byte, error) {
	if v == (RBinVal{}) {
		return nil, nil
	}
	return []byte{v.A, v.b}, nil
}

func (v *RBinVal) UnmarshalBinary(b []byte) error {
	*v = RBinVal{}
	if len(b) == 2 {
		v.A, v.b = b[0], b[1]
	}
	return sized(b, 2)
}

func (p *RBinPtr) MarshalBinary() ([]byte, error) { return p.b, nil }
func (p *RBinPtr) UnmarshalBinary(b []byte) error {
	p.b = append([]byte(nil), b...)
	return nil
}

// notZeros sees to it that what a type writes is no zeros alone: a SPEC has
// its bytes, and not whether Go takes the value for zero and leaves it out.
func notZeros(s string) string {
	if s != "" && strings.Trim(s, "\x00") == "" {
		return s + "1"
	}
	return s
}

func (p RBinBytes) MarshalBinary() ([]byte, error) { return p, nil }
func (p *RBinBytes) UnmarshalBinary(b []byte) error {
	*p = append(RBinBytes(nil), b...)
	return nil
}

func sized(b []byte, n int) error {
	if len(b) != 0 && len(b) != n {
		return errors.New("not what was encoded")
	}
	return nil
}

func (t RText) MarshalText() ([]byte, error)  { return []byte("never"), nil }
func (t *RText) UnmarshalText(b []byte) error { *t = "never"; return nil }

// poolBasics are named types of basic kinds.
var poolBasics = []reflect.Type{
	T[RBool](), T[RInt](), T[RInt8](), T[RInt64](), T[RUint16](), T[RUint64](), T[RFloat32](), T[RFloat64](),
	T[RComplex](), T[RString](), T[RBytes](), T[ROctets](), T[RText](), T[time.Duration](), T[RSide](),
}

// pool are the other named types.
var pool = []reflect.Type{
	T[RInts](), T[RWords](), T[RTriple](), T[RNested](), T[RPoint](), T[REmpty](), T[RHolds](), T[RKinds](),
	T[RPointers](), T[RHidden](), T[RInner](), T[REmbeds](), T[REmbedsPointer](), T[RHides](), T[RNode](), T[RTree](),
	T[RPing](), T[RPong](), T[RSlices](), T[RPointed](), T[RMaps](), T[RMapPtrs](), T[RPtrNode](), T[RThrough](),
	T[RArrayed](), T[RLoopMap](), T[RAnyNode](), T[RAny](), T[RAnys](), T[RAnyMap](), T[RAnyKeyed](), T[RShape](),
	T[RSquare](), T[RCorner](), T[RShaped](), T[RPair[int, string]](), T[RPair[RPoint, []any]](),
	T[RPair[*RNode, RPair[int8, any]]](), T[RCodecs](), T[time.Time](), T[*big.Int](), T[*big.Rat](),
}

// poolCodecs are types that encode themselves, as far as they may stand
// anywhere: those with pointer receivers as pointers.
var poolCodecs = []reflect.Type{
	T[RGobVal](), T[*RGobVal](), T[*RGobPtr](), T[RGobInt](), T[RGobMap](), T[RBinVal](), T[*RBinVal](), T[*RBinPtr](),
	T[RBinBytes](), T[time.Time](), T[*time.Time](), T[*big.Int](),
}

// poolRegistered are candidates for interface values.
var poolRegistered = []reflect.Type{
	T[RPoint](), T[*RPoint](), T[RSquare](), T[*RCircle](), T[RSide](), T[RCorner](), T[RAny](), T[*RAny](), T[RAnys](),
	T[RAnyMap](), T[RInt8](), T[RString](), T[RBytes](), T[RInts](), T[RWords](), T[RTriple](), T[REmpty](), T[RNode](),
	T[*RNode](), T[RTree](), T[RShaped](), T[RHidden](), T[RPair[int, string]](), T[RGobVal](), T[*RGobPtr](),
	T[RBinVal](), T[*RBinPtr](), T[time.Time](), T[*big.Int](), T[[]RPoint](), T[map[string]RPoint](), T[[2]RAny](),
	T[[]any](), T[map[string]any](), T[struct{ A, B any }](), T[[][]int](), T[map[RPoint][]string](), T[RThrough](),
	T[RAnyNode](), T[RSlices](), T[RMaps](), T[**RPoint](), T[RText](), T[RKinds](), T[REmbeds](), T[RCodecs](),
}

// poolCodecValues makes values of the types that encode themselves; such
// that decoding and encoding them again gives the same bytes.
var poolCodecValues = map[reflect.Type]func(r *rand.Rand) any{
	T[RGobVal]():   func(r *rand.Rand) any { return RGobVal{r.Intn(3) * r.Intn(1000)} },
	T[RGobPtr]():   func(r *rand.Rand) any { return RGobPtr{notZeros(randomString(r))} },
	T[RGobInt]():   func(r *rand.Rand) any { return RGobInt(r.Intn(4) * 7) },
	T[RGobMap]():   func(r *rand.Rand) any { return RGobMap{"n": 1 + r.Intn(255)} },
	T[RBinVal]():   func(r *rand.Rand) any { return RBinVal{byte(r.Intn(2)), byte(r.Intn(256))} },
	T[RBinPtr]():   func(r *rand.Rand) any { return RBinPtr{[]byte(notZeros(randomString(r)))} },
	T[RBinBytes](): func(r *rand.Rand) any { return RBinBytes(notZeros(randomString(r))) },
	T[time.Time](): func(r *rand.Rand) any { return randomTime(r) },
	T[big.Int](): func(r *rand.Rand) any {
		n := big.NewInt(randomInt(r))
		return *n.Lsh(n, uint(r.Intn(3)*r.Intn(100)))
	},
	T[big.Rat](): func(r *rand.Rand) any { return *big.NewRat(randomInt(r), 1+int64(r.Intn(9))) },
}

func randomTime(r *rand.Rand) time.Time {
	switch r.Intn(6) {
	case 0:
		return time.Time{}
	case 1:
		return time.Unix(r.Int63n(1<<40)-1<<39, int64(r.Intn(1e9))).UTC()
	case 2:
		return time.Unix(r.Int63n(1<<33), 0).In(time.FixedZone("", (r.Intn(1440)-720)*60))
	case 3:
		return time.Unix(r.Int63n(1<<33), 5).In(time.FixedZone("", r.Intn(43200)))
	case 4:
		return time.Date(1+r.Intn(9999), 1, 1, 0, 0, 0, 999999999, time.UTC)
	}
	return time.Unix(0, 0).UTC()
}
