"""Where a model comes from, and which models data, spans and commits touched: functions over what is recorded."""
