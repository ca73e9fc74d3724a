package main

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"reflect"
	"time"
)

// workload is one value, and what can be done with it.
type workload interface {
	// stream encodes the value twice on one stream: with its definitions, then without.
	stream() (first, second []byte, err error)
	// check decodes such a stream of anybody's and compares both values with its own.
	check(stream []byte) error
	// time runs one batch, and adds up the answers: bytes encoded, or what was decoded.
	time(operation, mode string, iterations int) (elapsed time.Duration, answer uint64, err error)
}

type runner[T any] struct {
	value  T
	answer func(*T) uint64

	first, second []byte

	// A stream on which the definitions have been sent.
	out     bytes.Buffer
	encoder *gob.Encoder
	// A stream on which they have been received.
	in      bytes.Reader
	decoder *gob.Decoder
}

func newRunner[T any](value T, answer func(*T) uint64) workload {
	return &runner[T]{value: value, answer: answer}
}

func (r *runner[T]) stream() (first, second []byte, err error) {
	r.encoder = gob.NewEncoder(&r.out)
	for _, message := range []*[]byte{&r.first, &r.second} {
		r.out.Reset()
		if err := r.encoder.Encode(&r.value); err != nil {
			return nil, nil, err
		}
		*message = append([]byte(nil), r.out.Bytes()...)
	}
	// Not bufio: a decoder reads from a bytes.Reader directly.
	r.decoder = gob.NewDecoder(&r.in)
	r.in.Reset(r.first)
	var value T
	return r.first, r.second, r.decoder.Decode(&value)
}

func (r *runner[T]) check(stream []byte) error {
	decoder := gob.NewDecoder(bytes.NewReader(stream))
	for i := 0; i < 2; i++ {
		var value T
		if err := decoder.Decode(&value); err != nil {
			return err
		}
		if !reflect.DeepEqual(value, r.value) {
			return fmt.Errorf("value %d is not the one that was sent", i)
		}
		if r.answer(&value) != r.answer(&r.value) {
			return errors.New("an answer that is not the same twice")
		}
	}
	return nil
}

func (r *runner[T]) time(operation, mode string, iterations int) (time.Duration, uint64, error) {
	if r.encoder == nil {
		return 0, 0, errors.New("no stream was asked for before")
	}
	batch := map[string]func(int) (uint64, error){
		"encode first":  r.encodeFirst,
		"encode stream": r.encodeStream,
		"decode first":  r.decodeFirst,
		"decode stream": r.decodeStream,
	}[operation+" "+mode]
	if batch == nil {
		return 0, 0, fmt.Errorf("no operation %q %q", operation, mode)
	}
	start := time.Now()
	answer, err := batch(iterations)
	return time.Since(start), answer, err
}

func (r *runner[T]) encodeFirst(iterations int) (answer uint64, err error) {
	var out bytes.Buffer
	for i := 0; i < iterations; i++ {
		out.Reset()
		if err := gob.NewEncoder(&out).Encode(&r.value); err != nil {
			return 0, err
		}
		answer += uint64(out.Len())
	}
	return answer, nil
}

func (r *runner[T]) encodeStream(iterations int) (answer uint64, err error) {
	for i := 0; i < iterations; i++ {
		r.out.Reset()
		if err := r.encoder.Encode(&r.value); err != nil {
			return 0, err
		}
		answer += uint64(r.out.Len())
	}
	return answer, nil
}

func (r *runner[T]) decodeFirst(iterations int) (answer uint64, err error) {
	var in bytes.Reader
	for i := 0; i < iterations; i++ {
		in.Reset(r.first)
		var value T
		if err := gob.NewDecoder(&in).Decode(&value); err != nil {
			return 0, err
		}
		answer += r.answer(&value)
	}
	return answer, nil
}

func (r *runner[T]) decodeStream(iterations int) (answer uint64, err error) {
	for i := 0; i < iterations; i++ {
		r.in.Reset(r.second)
		var value T
		if err := r.decoder.Decode(&value); err != nil {
			return 0, err
		}
		answer += r.answer(&value)
	}
	return answer, nil
}
