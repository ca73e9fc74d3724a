// Command stranger listens where a go1.x handler should and says what a handler never would. STRANGER_SAYS
// chooses: "http" answers and hangs up like a web server,
// "mute" accepts connections and says nothing, "noise" sends bytes that are no gob, "otherport" serves well but
// elsewhere, "laternoise" pings well and answers an invocation with noise, "wrongtype" pings well and answers
// with a reply of another type, "wrongseq" answers a call that nobody made. Of those that ping well and never come to an
// end, "huge" announces a message of a terabyte, "trickle" sends one of 15 MB a byte at a time, "flood" answers calls
// that nobody made without pause, "types" defines one type after the other.
package main

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"io"
	"log"
	"net"
	"net/rpc"
	"os"
	"reflect"
	"time"

	"gopeers/messages"
)

type plain struct{ conn net.Conn }

func (p *plain) Ping(*messages.PingRequest, *messages.PingResponse) error { return nil }

func (p *plain) Invoke(*messages.InvokeRequest, *messages.InvokeResponse) error {
	p.conn.Write(noise)
	select {}
}

type mistyped struct{}

// InvokeResponse has the name of the right type alone.
type InvokeResponse struct{ Payload string }

func (mistyped) Ping(*messages.PingRequest, *messages.PingResponse) error { return nil }

func (mistyped) Invoke(_ *messages.InvokeRequest, reply *InvokeResponse) error {
	reply.Payload = "a string, not bytes"
	return nil
}

var noise = bytes.Repeat([]byte{0xff, 0x00, 0xfb}, 64)

func main() {
	says := os.Getenv("STRANGER_SAYS")
	port := os.Getenv("_LAMBDA_SERVER_PORT")
	if says == "otherport" {
		port = "0"
	}
	listener, err := net.Listen("tcp", "localhost:"+port)
	if err != nil {
		log.Fatal(err)
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(says, conn)
	}
}

func serve(says string, conn net.Conn) {
	server := rpc.NewServer()
	switch says {
	case "http":
		fmt.Fprint(conn, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
		conn.Close()
	case "noise":
		conn.Write(noise)
		io.Copy(io.Discard, conn)
	case "mute":
		io.Copy(io.Discard, conn)
	case "wrongtype":
		server.RegisterName("Function", mistyped{})
		server.ServeConn(conn)
	case "wrongseq", "huge", "trickle", "flood", "types":
		byHand(says, conn)
	default:
		server.RegisterName("Function", &plain{conn})
		server.ServeConn(conn)
	}
}

// byHand answers pings, and each invocation as no server would.
func byHand(says string, conn net.Conn) {
	in, out := gob.NewDecoder(conn), gob.NewEncoder(conn)
	for {
		var request rpc.Request
		if in.Decode(&request) != nil || in.DecodeValue(reflect.Value{}) != nil {
			return
		}
		if request.ServiceMethod == "Function.Ping" {
			out.Encode(rpc.Response{ServiceMethod: request.ServiceMethod, Seq: request.Seq})
			out.Encode(messages.PingResponse{})
			continue
		}
		switch says {
		case "wrongseq":
			out.Encode(rpc.Response{ServiceMethod: request.ServiceMethod, Seq: request.Seq + 1000})
			out.Encode(messages.InvokeResponse{Payload: []byte(`"for somebody else"`)})
			conn.Close()
		case "huge":
			conn.Write([]byte{0xfa, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00}) // 1 << 40
			io.Copy(io.Discard, conn)
		case "trickle":
			out.Encode(rpc.Response{ServiceMethod: request.ServiceMethod, Seq: request.Seq})
			conn.Write([]byte{0xfd, 0xf0, 0x00, 0x00}) // 15 << 20
			for _, err := conn.Write([]byte{0x01}); err == nil; _, err = conn.Write([]byte{0x01}) {
				time.Sleep(time.Millisecond)
			}
		case "flood":
			reply := messages.InvokeResponse{Payload: make([]byte, 1<<20)}
			for seq := request.Seq + 1000; ; seq++ {
				out.Encode(rpc.Response{ServiceMethod: request.ServiceMethod, Seq: seq})
				if out.Encode(reply) != nil {
					return
				}
			}
		case "types":
			for id := int64(70); ; id++ {
				if _, err := conn.Write(definition(id)); err != nil {
					return
				}
			}
		}
	}
}

// definition is the message that defines type id as a slice of ints called T.
func definition(id int64) []byte {
	var message bytes.Buffer
	negative := uint64(id-1)<<1 | 1 // -id, as gob writes it
	writeUint(&message, negative)
	// wireType.SliceT: sliceType{CommonType{Name: "T", Id: id}, Elem: int}.
	message.Write([]byte{0x02, 0x01, 0x01, 0x01, 'T', 0x01})
	writeUint(&message, uint64(id)<<1)
	message.Write([]byte{0x00, 0x01, 0x04, 0x00, 0x00})
	return append([]byte{byte(message.Len())}, message.Bytes()...)
}

func writeUint(to *bytes.Buffer, number uint64) {
	if number < 0x80 {
		to.WriteByte(byte(number))
		return
	}
	var digits []byte
	for ; number > 0; number >>= 8 {
		digits = append([]byte{byte(number)}, digits...)
	}
	to.WriteByte(byte(-len(digits)))
	to.Write(digits)
}
