// Command postreader takes what a runtime posts as AWS's own servers do, which are in Go too: with net/http. It writes
// its address as a line, and then what it read of each request, as a line of JSON.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	log.Fatal(http.Serve(listener, http.HandlerFunc(read)))
}

func read(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	failed := ""
	if err != nil {
		failed = err.Error()
	}
	json.NewEncoder(os.Stdout).Encode(map[string]interface{}{
		"path":     r.URL.Path,
		"encoding": r.TransferEncoding,
		"body":     string(body),
		"error":    failed,
		"trailer":  r.Trailer,
	})
	w.WriteHeader(http.StatusAccepted)
}
