"""Pictures without a workspace: decoding files, orienting and rendering pixels."""
