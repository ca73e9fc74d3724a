// Command gob times encoding/gob for benches/gob.rs, one batch per request, so that its batches can take turns
// with those of other implementations.
//
// Requests and answers are lines, numbers are decimal, and an answer is "error TEXT" if there is no other:
//
//	version                         ok go1.26.0
//	stream WORKLOAD                 ok LENGTH LENGTH, then so many bytes: the value with its definitions, and
//	                                once more without
//	check WORKLOAD LENGTH, bytes    ok: both values in there are the workload's
//	time WORKLOAD OP MODE COUNT     ok NANOSECONDS ANSWER, for OP "encode" or "decode" and MODE "first" (a fresh
//	                                stream each time) or "stream" (definitions were exchanged before)
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
)

func main() {
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	var p peer
	for {
		line, err := in.ReadString('\n')
		if err == io.EOF {
			return
		}
		if err == nil {
			err = p.answer(strings.Fields(line), in, out)
		}
		if err != nil {
			fmt.Fprintf(out, "error %s\n", strings.ReplaceAll(err.Error(), "\n", " "))
		}
		if out.Flush() != nil {
			os.Exit(1)
		}
	}
}

// peer keeps one workload, so that the others' values are no concern of the garbage collector's.
type peer struct {
	name     string
	workload workload
}

func (p *peer) answer(request []string, in io.Reader, out io.Writer) error {
	if len(request) == 1 && request[0] == "version" {
		_, err := fmt.Fprintf(out, "ok %s\n", runtime.Version())
		return err
	}
	if len(request) < 2 {
		return fmt.Errorf("no request: %q", request)
	}
	if p.name != request[1] {
		workload, err := open(request[1])
		if err != nil {
			return err
		}
		p.name, p.workload = request[1], workload
	}
	switch {
	case request[0] == "stream" && len(request) == 2:
		first, second, err := p.workload.stream()
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "ok %d %d\n", len(first), len(second))
		out.Write(first)
		_, err = out.Write(second)
		return err
	case request[0] == "check" && len(request) == 3:
		length, err := strconv.Atoi(request[2])
		if err != nil {
			return err
		}
		stream := make([]byte, length)
		if _, err := io.ReadFull(in, stream); err != nil {
			return err
		}
		if err := p.workload.check(stream); err != nil {
			return err
		}
		_, err = fmt.Fprintln(out, "ok")
		return err
	case request[0] == "time" && len(request) == 5:
		iterations, err := strconv.Atoi(request[4])
		if err != nil {
			return err
		}
		elapsed, answer, err := p.workload.time(request[2], request[3], iterations)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "ok %d %d\n", elapsed.Nanoseconds(), answer)
		return err
	}
	return fmt.Errorf("no request: %q", request)
}
