// Command smoke proves the contract from Go: it saves bytes, reads them back verified, and loads a
// json artifact that another language made.
//
//	smoke -address grpc://127.0.0.1:50051 -json settings -bytes from-go
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	argosy "example.com/argosy/clients/go"
)

func main() {
	address := flag.String("address", os.Getenv("ARGOSY_SERVER"), "the server, grpc://host:port (ARGOSY_SERVER)")
	jsonName := flag.String("json", "", "a json artifact to load and print")
	bytesName := flag.String("bytes", "from-go", "the artifact to save bytes as")
	flag.Parse()
	if err := run(*address, *jsonName, *bytesName); err != nil {
		fmt.Fprintln(os.Stderr, err, argosy.Reason(err))
		os.Exit(1)
	}
}

func run(address, jsonName, bytesName string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := argosy.Dial(address, "")
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()

	// Three chunks, the last one not full.
	sent := bytes.Repeat([]byte("argosy\x00\xff"), 300_000)
	version, err := client.SaveBytes(ctx, bytesName, sent)
	if err != nil {
		return err
	}
	loaded, err := client.Load(ctx, bytesName, argosy.Version(version.GetVersion()))
	if err != nil {
		return err
	}
	received, err := loaded.Bytes()
	if err != nil {
		return err
	}
	if !bytes.Equal(received, sent) {
		return fmt.Errorf("%s came back changed", bytesName)
	}
	fmt.Println("bytes", bytesName, version.GetVersion(), loaded.Version.GetFiles()[0].GetDigest(), len(received))

	document, err := client.Load(ctx, jsonName)
	if err != nil {
		return err
	}
	var value any
	if err := document.JSON(&value); err != nil {
		return err
	}
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	fmt.Println("json", jsonName, document.Version.GetVersion(), string(text))
	return nil
}
