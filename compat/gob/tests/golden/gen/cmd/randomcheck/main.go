// Command randomcheck makes random cases, new ones in each run, and has
// another implementation's command-line tool and Go read each other's streams.
package main

import "goldengen/golden"

func main() { golden.RandomMain() }
