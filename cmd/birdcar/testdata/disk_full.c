// Preloaded into the program, this makes its database's disk full for as long as
// the file named by DISK_FULL exists. The Go runtime does not write through libc,
// SQLite does.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int full(void) {
	const char *flag = getenv("DISK_FULL");
	if (flag == NULL || access(flag, F_OK) != 0)
		return 0;
	errno = ENOSPC;
	return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *data, size_t size) {
	return full() ? -1 : REAL(write)(fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
	return full() ? -1 : REAL(pwrite)(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
	return full() ? -1 : REAL(pwrite64)(fd, data, size, at);
}
