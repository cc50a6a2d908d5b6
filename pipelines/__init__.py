"""What a pipeline of your own looks like: each folder is one."""
