"""Tables and streams of batches of pyarrow in parquet files, and parts of them that are read by themselves."""
