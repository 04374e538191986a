"""Source files, of this machine and remote: formats, reading and what is wrong in one."""
