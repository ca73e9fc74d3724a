// Command arith is both ends of net/rpc as Go has them. "arith serve" serves a few services and prints its address;
// it ends with its standard input. "arith call SCRIPT" calls them and prints a line for each call.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"net/rpc"
	"os"
	"sort"
	"strings"
	"sync"
	"time"
)

type Args struct{ A, B int }

type Quotient struct{ Quo, Rem int }

type Late struct {
	N      uint64
	Micros int
}

type Node struct {
	Name        string
	Left, Right *Node
}

type Box struct{ Value any }

type Empty struct{}

// Arguments that do not fit Args, or in part.
type (
	OtherFields struct{ C int }
	OtherType   struct{ A string }
	SomeFields  struct{ A, C int }
)

// Arith is the service of net/rpc's own documentation, and methods that are late or fail.
type Arith struct {
	mu   sync.Mutex
	more sync.Cond
	hang int
}

func (*Arith) Multiply(args *Args, reply *int) error {
	*reply = args.A * args.B
	return nil
}

func (*Arith) Divide(args *Args, reply *Quotient) error {
	if args.B == 0 {
		return errors.New("divide by zero")
	}
	*reply = Quotient{args.A / args.B, args.A % args.B}
	return nil
}

func (*Arith) Fail(text string, reply *int) error { return errors.New(text) }

// Square answers after the time that its argument asks for.
func (*Arith) Square(args *Late, reply *uint64) error {
	time.Sleep(time.Duration(args.Micros) * time.Microsecond)
	*reply = args.N * args.N
	return nil
}

// Hang never answers.
func (a *Arith) Hang(int, *int) error {
	a.mu.Lock()
	a.hang++
	a.mu.Unlock()
	a.more.Broadcast()
	select {}
}

// Hanging answers when so many calls hang.
func (a *Arith) Hanging(count int, reply *int) error {
	a.mu.Lock()
	for a.hang < count {
		a.more.Wait()
	}
	*reply = a.hang
	a.mu.Unlock()
	return nil
}

// Refused has a reply that gob does not send.
func (*Arith) Refused(_ Empty, reply *[]*int) error {
	*reply = []*int{nil}
	return nil
}

// Kinds has arguments and replies of every kind.
type Kinds struct{}

func (Kinds) Bool(arg bool, reply *bool) error {
	*reply = !arg
	return nil
}

func (Kinds) Text(arg string, reply *string) error {
	*reply = strings.ToUpper(arg)
	return nil
}

func (Kinds) Small(arg uint8, reply *int8) error {
	*reply = -int8(arg / 2)
	return nil
}

func (Kinds) Sum(arg []float64, reply *float64) error {
	for _, number := range arg {
		*reply += number
	}
	return nil
}

func (Kinds) Swap(arg [2]int16, reply *[2]int16) error {
	*reply = [2]int16{arg[1], arg[0]}
	return nil
}

func (Kinds) Invert(arg map[string]int, reply *map[int]string) error {
	for key, value := range arg {
		(*reply)[value] = key
	}
	return nil
}

func (Kinds) Next(arg *int, reply **int) error {
	next := *arg + 1
	*reply = &next
	return nil
}

func (Kinds) Mirror(arg *Node, reply *Node) error {
	*reply = *mirror(arg)
	return nil
}

func mirror(node *Node) *Node {
	if node == nil {
		return nil
	}
	return &Node{node.Name, mirror(node.Right), mirror(node.Left)}
}

func (Kinds) Any(arg Box, reply *Box) error {
	*reply = arg
	return nil
}

func (Kinds) Nothing(Empty, *Empty) error { return nil }

// Length and Bytes are for large bodies.
func (Kinds) Length(arg []byte, reply *int) error {
	for i, b := range arg {
		if b != pattern(i) {
			return fmt.Errorf("byte %d is %d", i, b)
		}
	}
	*reply = len(arg)
	return nil
}

func (Kinds) Bytes(count int, reply *[]byte) error {
	*reply = bytes(count)
	return nil
}

func pattern(i int) byte { return byte(i*7 + i>>8) }

func bytes(count int) []byte {
	all := make([]byte, count)
	for i := range all {
		all[i] = pattern(i)
	}
	return all
}

var (
	network  = flag.String("network", "tcp", "tcp or unix")
	addr     = flag.String("addr", "127.0.0.1:0", "where to listen or to dial")
	overHTTP = flag.Bool("http", false, "speak HTTP first")
	path     = flag.String("path", rpc.DefaultRPCPath, "where over HTTP, for a client")
	count    = flag.Int("count", 1, "how many calls or bytes, for a script that asks")
)

func main() {
	if len(os.Args) < 2 {
		fail(errors.New("arith serve|call"))
	}
	flag.CommandLine.Parse(os.Args[2:])
	switch os.Args[1] {
	case "serve":
		serve()
	case "call":
		call(flag.Arg(0))
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func serve() {
	arith := &Arith{}
	arith.more.L = &arith.mu
	for name, service := range map[string]any{"Arith": arith, "Kinds": Kinds{}, "a.b.C": Kinds{}} {
		if err := rpc.RegisterName(name, service); err != nil {
			fail(err)
		}
	}
	// The text of what Go refuses, for whoever asks.
	fmt.Println(rpc.RegisterName("Arith", arith))
	listener, err := net.Listen(*network, *addr)
	if err != nil {
		fail(err)
	}
	fmt.Println(listener.Addr())
	if *overHTTP {
		rpc.HandleHTTP()
		go http.Serve(listener, nil)
	} else {
		go rpc.Accept(listener)
	}
	io.Copy(io.Discard, os.Stdin)
}

func call(script string) {
	var client *rpc.Client
	var err error
	if *overHTTP {
		client, err = rpc.DialHTTPPath(*network, *addr, *path)
	} else {
		client, err = rpc.Dial(*network, *addr)
	}
	if err != nil {
		fmt.Println("dial: error", strings.ReplaceAll(err.Error(), *addr, "ADDR"))
		return
	}
	defer client.Close()
	switch script {
	case "words":
		words(client)
	case "many":
		many(client, *count)
	case "large":
		large(client, *count)
	case "pending":
		pending(client, *count)
	case "refused":
		var refused []*int
		say("Arith.Refused", refused, client.Call("Arith.Refused", Empty{}, &refused))
		multiplyAfter(client)
	default:
		fail(errors.New("no such script"))
	}
}

func say(name string, reply any, err error) {
	if err != nil {
		kind := "error"
		if _, ok := err.(rpc.ServerError); ok {
			kind = "server error"
		}
		fmt.Printf("%s: %s %s\n", name, kind, err)
		return
	}
	text, err := json.Marshal(reply)
	if err != nil {
		fail(err)
	}
	fmt.Printf("%s: %s\n", name, text)
}

// words calls everything once, and whatever there is not.
func words(client *rpc.Client) {
	do := func(name string, arg, reply any) { say(name, reply, client.Call(name, arg, reply)) }
	three := 3
	do("Arith.Multiply", &Args{7, 8}, new(int))
	do("Arith.Multiply", &Args{}, new(int))
	do("Arith.Divide", &Args{17, 5}, new(Quotient))
	do("Arith.Divide", &Args{17, 0}, new(Quotient))
	for _, text := range []string{"no", "rpc: can't find service", "äöü ☃\n", strings.Repeat("long ", 1000)} {
		do("Arith.Fail", text, new(int))
	}
	for _, name := range []string{
		"Nope.Multiply", "Arith.Nope", "Multiply", "", ".", "Arith.", ".Multiply", "arith.Multiply", "Arith.multiply",
		"Arith.Multiply.", "a.b.C", "a.b.Text", "a.b.C.Nope", "Arith/Multiply", "Arith.Multiply ",
	} {
		do(name, &Args{1, 2}, new(int))
		do(name, strings.Repeat("x", 100000), new(int))
	}
	do("a.b.C.Text", "dots", new(string))
	do("Kinds.Bool", false, new(bool))
	do("Kinds.Text", "text", new(string))
	do("Kinds.Text", "", new(string))
	do("Kinds.Small", uint8(200), new(int8))
	do("Kinds.Small", 300, new(int8))
	do("Kinds.Small", uint(300), new(int8))
	do("Kinds.Sum", []float64{0.5, 2.25, -0.125}, new(float64))
	do("Kinds.Sum", []float64(nil), new(float64))
	do("Kinds.Swap", [2]int16{-1, 300}, new([2]int16))
	do("Kinds.Invert", map[string]int{"one": 1, "two": 2, "three": 3}, new(map[int]string))
	do("Kinds.Invert", map[string]int{}, new(map[int]string))
	do("Kinds.Next", &three, new(*int))
	do("Kinds.Mirror", &Node{"root", &Node{"left", nil, &Node{"leaf", nil, nil}}, nil}, new(Node))
	do("Kinds.Any", Box{"text"}, new(Box))
	do("Kinds.Any", Box{17}, new(Box))
	do("Kinds.Any", Box{}, new(Box))
	do("Kinds.Nothing", Empty{}, new(Empty))
	// Arguments that do not fit cost their call alone.
	do("Arith.Multiply", "text", new(int))
	do("Arith.Multiply", OtherFields{1}, new(int))
	do("Arith.Multiply", OtherType{"text"}, new(int))
	do("Arith.Multiply", SomeFields{3, 4}, new(int))
	do("Kinds.Text", &Args{1, 2}, new(string))
	do("Kinds.Sum", "text", new(float64))
	do("Kinds.Invert", []float64{1}, new(map[int]string))
	do("Arith.Multiply", &Args{7, 8}, new(int))
	// A reply that does not fit costs the connection.
	do("Arith.Multiply", &Args{7, 8}, new(string))
	multiplyAfter(client)
}

// multiplyAfter calls after an error. If it was the connection's, the client may not have found out yet.
func multiplyAfter(client *rpc.Client) {
	var product int
	err := client.Call("Arith.Multiply", &Args{7, 8}, &product)
	for err != nil && err != rpc.ErrShutdown {
		err = client.Call("Arith.Multiply", &Args{7, 8}, &product)
	}
	say("Arith.Multiply", &product, err)
}

// many calls at once, of which each takes its own time.
func many(client *rpc.Client, count int) {
	done := make(chan *rpc.Call, count)
	for n := 0; n < count; n++ {
		client.Go("Arith.Square", &Late{uint64(n), rand.Intn(50000)}, new(uint64), done)
	}
	var order []int
	for range make([]bool, count) {
		call := <-done
		n := call.Args.(*Late).N
		if call.Error != nil || *call.Reply.(*uint64) != n*n {
			fail(fmt.Errorf("%d: %v %v", n, *call.Reply.(*uint64), call.Error))
		}
		order = append(order, int(n))
	}
	fmt.Printf("many: %d in order %v\n", len(order), sort.IntsAreSorted(order))
}

func large(client *rpc.Client, count int) {
	var length int
	say("Kinds.Length", &length, client.Call("Kinds.Length", bytes(count), &length))
	var reply []byte
	err := client.Call("Kinds.Bytes", count, &reply)
	same := string(reply) == string(bytes(count))
	say("Kinds.Bytes", same, err)
}

// pending makes calls that hang, says so, and tells what becomes of them.
func pending(client *rpc.Client, count int) {
	done := make(chan *rpc.Call, count)
	for n := 0; n < count; n++ {
		client.Go("Arith.Hang", n, new(int), done)
	}
	var hanging int
	say("Arith.Hanging", &hanging, client.Call("Arith.Hanging", count, &hanging))
	for n := 0; n < count; n++ {
		say("Arith.Hang", nil, (<-done).Error)
	}
	multiplyAfter(client)
}
