package main

import "context"

func vectors(ctx context.Context, directory string) error { return nil }
