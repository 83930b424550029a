# PID 1 of a container.
#
# Wait until tiffin stop asks for the end (SIGTERM), then end with exit code 0, within two seconds.
# Meanwhile orphans end, whose parent this process is: none of them may stay as a zombie.

exec sleep 600
