package main

import (
	"fmt"
	"math"
	"strconv"

	"gobpeer/messages"
)

// The values are those of benches/gob/workloads.rs, by the same formulas; so are the answers, which stand for a
// decoded value as a whole and look at a few fields alone, so that they cost next to nothing.

// Record is an element of the workload "structs".
type Record struct {
	Number int64
	Name   string
	Score  float64
	Tags   []string
	Active bool
	Pos    Point
}

// Point is a struct within a struct.
type Point struct{ X, Y int32 }

// Node is a node of the workload "tree".
type Node struct {
	Left, Right *Node
	Value       int
	Label       string
}

const (
	recordCount = 10_000
	entryCount  = 1_000
	floatCount  = 10_000
	nodeCount   = 4_095
)

// open makes the workload of that name.
func open(name string) (workload, error) {
	sizes := map[string]int{"200B": 200, "10KB": 10 * 1024, "1MB": 1 << 20, "6MB": 6 << 20}
	for suffix, size := range sizes {
		switch name {
		case "request-" + suffix:
			return newRunner(request(size), requestAnswer), nil
		case "response-" + suffix:
			return newRunner(messages.InvokeResponse{Payload: payload(size)}, responseAnswer), nil
		}
	}
	switch name {
	case "structs":
		return newRunner(records(), recordsAnswer), nil
	case "map":
		return newRunner(entries(), entriesAnswer), nil
	case "floats":
		return newRunner(floats(), floatsAnswer), nil
	case "tree":
		return newRunner(*tree(0), treeAnswer), nil
	}
	return nil, fmt.Errorf("no workload %q", name)
}

// payload is a JSON string of so many bytes.
func payload(size int) []byte {
	text := make([]byte, size)
	for at := range text {
		text[at] = 'a' + byte(at%26)
	}
	text[0], text[size-1] = '"', '"'
	return text
}

func payloadAnswer(payload []byte) uint64 {
	return uint64(len(payload)) + uint64(payload[len(payload)/2])
}

func request(size int) messages.InvokeRequest {
	return messages.InvokeRequest{
		Payload:            payload(size),
		RequestId:          "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
		XAmznTraceId:       "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1",
		Deadline:           messages.InvokeRequest_Timestamp{Seconds: 1_542_409_706, Nanos: 888_000_000},
		InvokedFunctionArn: "arn:aws:lambda:us-east-2:123456789012:function:custom-runtime",
	}
}

func requestAnswer(request *messages.InvokeRequest) uint64 {
	return payloadAnswer(request.Payload) + uint64(len(request.RequestId)) + uint64(len(request.XAmznTraceId)) +
		uint64(request.Deadline.Seconds) + uint64(len(request.InvokedFunctionArn))
}

func responseAnswer(response *messages.InvokeResponse) uint64 {
	if response.Error != nil {
		return 0
	}
	return payloadAnswer(response.Payload)
}

func records() []Record {
	records := make([]Record, recordCount)
	for i := range records {
		var tags []string
		for tag := 0; tag < i%3; tag++ {
			tags = append(tags, fmt.Sprintf("tag %d", (i+tag)%10))
		}
		records[i] = Record{
			Number: int64(i)*7 - 1_000,
			Name:   fmt.Sprintf("record %d", i),
			Score:  float64(i)/8 - 100,
			Tags:   tags,
			Active: i%2 == 0,
			Pos:    Point{X: int32(i), Y: int32(-i)},
		}
	}
	return records
}

func recordsAnswer(records *[]Record) uint64 {
	last := &(*records)[len(*records)-1]
	return uint64(len(*records)) + uint64(last.Number) + uint64(len(last.Name)) + math.Float64bits(last.Score) +
		uint64(len(last.Tags)) + uint64(int64(last.Pos.Y))
}

func entries() map[string]string {
	entries := make(map[string]string, entryCount)
	for i := 0; i < entryCount; i++ {
		entries["key "+strconv.Itoa(i)] = "value " + strconv.Itoa(i*i)
	}
	return entries
}

func entriesAnswer(entries *map[string]string) uint64 {
	return uint64(len(*entries)) + uint64(len((*entries)["key 999"]))
}

func floats() []float64 {
	floats := make([]float64, floatCount)
	for i := range floats {
		// Every second one is whole, and short on the wire.
		if floats[i] = float64(i); i%2 == 1 {
			floats[i] = float64(i) / 3
		}
	}
	return floats
}

func floatsAnswer(floats *[]float64) uint64 {
	return uint64(len(*floats)) + math.Float64bits((*floats)[len(*floats)-1])
}

// tree is the part of a complete binary tree below node i, numbered as in a heap.
func tree(i int) *Node {
	if i >= nodeCount {
		return nil
	}
	return &Node{Left: tree(2*i + 1), Right: tree(2*i + 2), Value: i, Label: fmt.Sprintf("node %d", i)}
}

func treeAnswer(root *Node) uint64 {
	var answer uint64
	for node := root; node != nil; node = node.Right {
		answer += uint64(node.Value) + uint64(len(node.Label))
	}
	return answer
}
