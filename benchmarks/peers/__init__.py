"""What benchmarks measure against: reference jobs and other people's tools."""
