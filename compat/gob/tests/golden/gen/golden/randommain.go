package golden

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// This file is the command line of randomcheck.

// run starts the process for a job; where Go refuses the case, others are
// made until one fits.
func (j randomJob) run() (randomJob, randomResult) {
	for {
		res := j.once()
		if res.Retry == "" || len(j.Shrink) > 0 {
			return j, res
		}
		if j.Attempt++; j.Attempt > 50 {
			res.fail("checker", "no case that Go would encode: "+res.Retry)
			return j, res
		}
	}
}

func (j randomJob) once() (res randomResult) {
	text, err := json.Marshal(j)
	check(err)
	ctx, cancel := context.WithTimeout(context.Background(), 4*j.Limit+20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), randomEnv+"="+string(text), "TZ=UTC")
	var out, errb bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errb
	if err := cmd.Run(); err != nil {
		res.fail("checker", fmt.Sprintf("%v: %.2000s", err, errb.String()))
		return res
	}
	check(json.Unmarshal(out.Bytes(), &res))
	return res
}

// RandomMain is the command line of randomcheck.
func RandomMain() {
	if randomChild() {
		return
	}
	seed := flag.Int64("seed", 0, "of the random cases (default: a new one)")
	n := flag.Int64("n", 1000, "how many cases")
	first := flag.Int64("first", 0, "number of the first case; with -n 1, one case again")
	tool := flag.String("tool", "", "command to run (words split at blanks)")
	duration := flag.Duration("duration", 0, "stop after this time, however many cases are left (0: no limit)")
	exact := flag.Bool("exact", false, "encode: ask for Go's very bytes (map order aside) where SPEC settles them")
	limit := flag.Duration("timeout", 20*time.Second, "for each call of the tool")
	many := flag.Int("failures", 1, "stop after as many")
	parallel := flag.Int("parallel", runtime.NumCPU()+1, "cases at a time")
	shrinking := flag.Duration("shrink", 20*time.Second, "how long to look for a smaller case that fails too")
	flag.Parse()
	if *tool == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if *seed == 0 {
		*seed = time.Now().UnixNano() & 0x7fffffffffff
	}
	fmt.Printf("randomcheck: %d cases, seed %d, %s\n", *n, *seed, runtime.Version())
	begun := time.Now()
	tmp, err := os.MkdirTemp("", "randomcheck")
	check(err)

	var mu sync.Mutex
	var cases, values, size, notCompared, cut int64
	next, failures := *first, 0
	kinds := map[string]int{}
	var wg sync.WaitGroup
	for w := 0; w < *parallel; w++ {
		dir := filepath.Join(tmp, fmt.Sprint(w))
		check(os.Mkdir(dir, 0o755))
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				mu.Lock()
				number := next
				next++
				stop := failures >= *many || number >= *first+*n || *duration > 0 && time.Since(begun) > *duration
				mu.Unlock()
				if stop {
					return
				}
				j := randomJob{Seed: *seed, Number: number, Tool: strings.Fields(*tool), Exact: *exact, Dir: dir, Limit: *limit}
				j, res := j.run()
				full := res.Detail
				if res.Failure != "" && res.Failure != "checker" {
					j, res = j.shrink(res, time.Now().Add(*shrinking))
				}
				mu.Lock()
				cases++
				values += int64(res.Values)
				size += int64(res.Bytes)
				cut += int64(res.Lenient)
				if res.Loose != "" {
					notCompared++
				}
				if res.Failure != "" && failures < *many {
					failures++
					kinds[res.Failure]++
					report(*seed, number, j, res, full)
				}
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	os.RemoveAll(tmp)
	if failures > 0 {
		fmt.Println("\nfailures:", kinds)
	}
	compared := ""
	if *exact {
		compared = fmt.Sprintf("; %d compared by their bytes", cases-notCompared)
	}
	fmt.Printf("%d cases (%d failed%s; %d runs cut short, where Go's outcome is chance), %d values, %d bytes, %.1f seconds, seed %d\n",
		cases, failures, compared, cut, values, size, time.Since(begun).Seconds(), *seed)
	if failures > 0 {
		os.Exit(1)
	}
}

func report(seed, number int64, j randomJob, res randomResult, full string) {
	fmt.Printf("\nFAIL %s: seed %d, case %d (again: -seed %d -first %d -n 1), %d shrinking steps\n%s\n",
		res.Failure, seed, number, seed, number, len(j.Shrink), res.Detail)
	if len(j.Shrink) > 0 {
		fmt.Printf("unshrunk: %.600s\n", full)
	}
	var pretty bytes.Buffer
	if json.Indent(&pretty, res.Spec, "", " ") == nil && pretty.Len() < 6000 {
		fmt.Printf("SPEC %s\n", pretty.String())
	} else {
		fmt.Printf("SPEC %.6000s\n", res.Spec)
	}
	text := func(b []byte) string {
		if len(b) > 4000 {
			return hex.EncodeToString(b[:4000]) + "…"
		}
		return hex.EncodeToString(b)
	}
	fmt.Printf("Go's stream %s\n", text(res.Stream))
	if res.Made != nil {
		fmt.Printf("the tool's  %s\n", text(res.Made))
	}
}
