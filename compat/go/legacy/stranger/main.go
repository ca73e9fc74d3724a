// Command stranger listens where a go1.x handler should and says what a handler never would. STRANGER_SAYS
// chooses: "http" answers and hangs up like a web server,
// "mute" accepts connections and says nothing, "noise" sends bytes that are no gob, "otherport" serves well but
// elsewhere, "laternoise" pings well and answers an invocation with noise, "wrongtype" pings well and answers
// with a reply of another type, "wrongseq" answers a call that nobody made.
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
	case "wrongseq":
		wrongSeq(conn)
	default:
		server.RegisterName("Function", &plain{conn})
		server.ServeConn(conn)
	}
}

// wrongSeq answers pings, and each invocation under a number that no call has, then hangs up.
func wrongSeq(conn net.Conn) {
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
		out.Encode(rpc.Response{ServiceMethod: request.ServiceMethod, Seq: request.Seq + 1000})
		out.Encode(messages.InvokeResponse{Payload: []byte(`"for somebody else"`)})
		conn.Close()
	}
}
