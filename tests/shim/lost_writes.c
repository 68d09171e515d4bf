/* A disk that loses what was not synced.
 *
 * Loaded with LD_PRELOAD, it follows every file below $FUSION_SHIM_FOLDER whose name contains ".sqlite3" (shared
 * memory files excepted). Writes go to the file as usual; fsync and fdatasync copy the ranges written since the
 * last sync to a shadow, `<file>.durable`, which is therefore what a disk would hold after a power failure that
 * lost every un-synced write. After killing the process, put the shadows in place of the files.
 *
 * Truncation takes effect in the shadow at once: a crash may keep any part of what was not synced.
 * Not covered: memory-mapped writes and directory entries; the store uses neither for its data.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FDS_MAX 4096
#define FILES_MAX 64

struct range {
  off_t start, end;
};

struct file {
  char path[PATH_MAX];
  struct range *dirty;
  size_t count, capacity;
};

static struct file files[FILES_MAX];
static struct file *by_fd[FDS_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) \
  static __typeof__(name) *real; \
  if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static ssize_t real_pwrite(int fd, const void *data, size_t size, off_t offset) {
  REAL(pwrite);
  return real(fd, data, size, offset);
}

static int real_ftruncate(int fd, off_t size) {
  REAL(ftruncate);
  return real(fd, size);
}

static int real_open(const char *path, int flags, mode_t mode) {
  REAL(open);
  return real(path, flags, mode);
}

static int real_close(int fd) {
  REAL(close);
  return real(fd);
}

static void follow(int fd, const char *path) {
  const char *folder = getenv("FUSION_SHIM_FOLDER");
  if (fd < 0 || fd >= FDS_MAX || !folder || strncmp(path, folder, strlen(folder)) != 0) return;
  if (!strstr(path, ".sqlite3") || strstr(path, "-shm") || strstr(path, ".durable")) return;
  pthread_mutex_lock(&lock);
  by_fd[fd] = NULL;
  for (int i = 0; i < FILES_MAX; i++) {
    if (files[i].path[0] == 0) snprintf(files[i].path, PATH_MAX, "%s", path);
    if (strcmp(files[i].path, path) == 0) {
      by_fd[fd] = &files[i];
      break;
    }
  }
  pthread_mutex_unlock(&lock);
}

static struct file *followed(int fd) { return fd >= 0 && fd < FDS_MAX ? by_fd[fd] : NULL; }

static void note(struct file *file, off_t start, size_t size) {
  pthread_mutex_lock(&lock);
  if (file->count == file->capacity) {
    file->capacity = file->capacity ? file->capacity * 2 : 64;
    file->dirty = realloc(file->dirty, file->capacity * sizeof *file->dirty);
    if (!file->dirty) abort();
  }
  file->dirty[file->count++] = (struct range){start, start + (off_t)size};
  pthread_mutex_unlock(&lock);
}

static int open_shadow(const struct file *file) {
  char path[PATH_MAX + 16];
  snprintf(path, sizeof path, "%s.durable", file->path);
  return real_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

static void make_durable(int fd, struct file *file) {
  static char buffer[1 << 16];
  pthread_mutex_lock(&lock);
  int shadow = open_shadow(file);
  if (shadow < 0) abort();
  for (size_t i = 0; i < file->count; i++) {
    for (off_t at = file->dirty[i].start; at < file->dirty[i].end;) {
      size_t want = (size_t)(file->dirty[i].end - at);
      ssize_t got = pread(fd, buffer, want < sizeof buffer ? want : sizeof buffer, at);
      if (got <= 0) break;
      if (real_pwrite(shadow, buffer, (size_t)got, at) != got) abort();
      at += got;
    }
  }
  file->count = 0;
  struct stat status;
  if (fstat(fd, &status) == 0 && real_ftruncate(shadow, status.st_size) != 0) abort();
  real_close(shadow);
  pthread_mutex_unlock(&lock);
}

static int opened(int fd, const char *path) {
  char absolute[PATH_MAX];
  if (fd >= 0 && realpath(path, absolute)) follow(fd, absolute);
  return fd;
}

static mode_t mode_of(int flags, va_list arguments) {
  return flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(arguments, int) : 0;
}

int open(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return opened(real_open(path, flags, mode), path);
}

int open64(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return opened(real_open(path, flags | O_LARGEFILE, mode), path);
}

ssize_t write(int fd, const void *data, size_t size) {
  REAL(write);
  struct file *file = followed(fd);
  off_t at = file ? lseek(fd, 0, SEEK_CUR) : 0;
  ssize_t written = real(fd, data, size);
  if (file && written > 0) note(file, at, (size_t)written);
  return written;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
  ssize_t written = real_pwrite(fd, data, size, offset);
  struct file *file = followed(fd);
  if (file && written > 0) note(file, offset, (size_t)written);
  return written;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) { return pwrite(fd, data, size, offset); }

int ftruncate(int fd, off_t size) {
  struct file *file = followed(fd);
  if (file) {
    pthread_mutex_lock(&lock);
    int shadow = open_shadow(file);
    struct stat status;
    if (shadow >= 0 && fstat(shadow, &status) == 0 && status.st_size > size && real_ftruncate(shadow, size) != 0) abort();
    if (shadow >= 0) real_close(shadow);
    pthread_mutex_unlock(&lock);
  }
  return real_ftruncate(fd, size);
}

int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

int fsync(int fd) {
  REAL(fsync);
  struct file *file = followed(fd);
  if (!file) return real(fd);
  make_durable(fd, file);
  return 0;
}

int fdatasync(int fd) {
  REAL(fdatasync);
  struct file *file = followed(fd);
  if (!file) return real(fd);
  make_durable(fd, file);
  return 0;
}

int close(int fd) {
  if (fd >= 0 && fd < FDS_MAX) {
    pthread_mutex_lock(&lock);
    by_fd[fd] = NULL;
    pthread_mutex_unlock(&lock);
  }
  return real_close(fd);
}
