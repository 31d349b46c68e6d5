"""Frames of pandas in parquet files: what their columns and axes become there, and how these are made of it again."""
