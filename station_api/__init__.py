"""The shell: records, the use case of marking, the command line."""
