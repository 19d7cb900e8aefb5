# python3 activate.py KIND PATH NAMES PROGRAM ...: starts a program as a service manager does (sd_listen_fds(3)): with sockets from
# descriptor 3 on, and LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES in its environment. KIND: stream, dgram, tcp, file.
# With 'kept' for NAMES it lives on and keeps the socket when the program has died.
import os
import signal
import socket
import sys

kind, path, names = sys.argv[1:4]
fds = []
for at, name in enumerate(names.split(':')):
    if kind == 'file':
        fds.append(os.open(path, os.O_RDWR | os.O_CREAT))
        continue
    made = socket.socket(socket.AF_INET if kind == 'tcp' else socket.AF_UNIX,
                         socket.SOCK_DGRAM if kind == 'dgram' else socket.SOCK_STREAM)
    made.bind(('127.0.0.1', 0) if kind == 'tcp' else path if at == 0 else f'{path}.{at}')
    if kind != 'dgram':
        made.listen()
    fds.append(made.detach())
high = [os.dup2(fd, 100 + at) for at, fd in enumerate(fds)]
for at, fd in enumerate(high):
    os.dup2(fd, 3 + at, inheritable=True)
    os.close(fd)
if names == 'kept':
    service = os.fork()
    if service != 0:
        os.waitpid(service, 0)
        signal.pause()
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=names)
os.execvp(sys.argv[4], sys.argv[4:])
