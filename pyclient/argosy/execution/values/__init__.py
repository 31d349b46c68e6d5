"""Values on their way to the store and back: prepared, sent, loaded, downloaded, previewed."""
