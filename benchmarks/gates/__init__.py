"""GateBench: how often gates are wrong, ours and others', on streams whose truth is known."""
