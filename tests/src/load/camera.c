/* A camera for programs that take nothing but V4L2: with this in LD_PRELOAD, /dev/video0 gives the pictures of a file of JPEGs, one behind
 * the other, CAMERA_RATE in a second. It has what a program needs that maps buffers and waits with select or poll. 64 bits.
 *
 *     cc -shared -fPIC -O2 -o camera.so camera.c -ldl
 *     CAMERA_FILE=film.mjpeg CAMERA_RATE=24 LD_PRELOAD=./camera.so ustreamer --device /dev/video0 --format MJPEG
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define DEVICE "/dev/video0"
#define BUFFERS 32
#define PICTURES 4096
#define ROOM (1 << 20)

static int device = -1, pictures, next_picture, queued[BUFFERS], first, waiting;
static uint32_t width = 640, height = 480, count;
static uint8_t *film, *buffers[BUFFERS];
static size_t starts[PICTURES + 1];

static void load(void) {
    const char *path = getenv("CAMERA_FILE");
    int file = syscall(SYS_openat, AT_FDCWD, path ? path : "", O_RDONLY, 0);
    struct stat about;
    if (file < 0 || fstat(file, &about) < 0) abort();
    film = mmap(NULL, about.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    for (size_t at = 0; at + 2 < (size_t)about.st_size && pictures < PICTURES; at++)
        if (film[at] == 0xFF && film[at + 1] == 0xD8 && film[at + 2] == 0xFF) starts[pictures++] = at;
    starts[pictures] = about.st_size;
    for (int number = 0; number < BUFFERS; number++)
        buffers[number] = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int begin(void) {
    if (!film) load();
    return device = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
}

#define OPEN(name)                                                                   \
    int name(const char *path, int flags, ...) {                                     \
        va_list more;                                                                \
        va_start(more, flags);                                                       \
        int mode = va_arg(more, int);                                                \
        va_end(more);                                                                \
        if (!strcmp(path, DEVICE)) return begin();                                   \
        return syscall(SYS_openat, AT_FDCWD, path, flags, mode);               \
    }
OPEN(open)
OPEN(open64)
OPEN(__open_2)
OPEN(__open64_2)

int access(const char *path, int mode) {
    static int (*real)(const char *, int);
    if (!strcmp(path, DEVICE)) return 0;
    if (!real) real = dlsym(RTLD_NEXT, "access");
    return real(path, mode);
}

void *mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset) {
    if (fd >= 0 && fd == device) return buffers[offset / ROOM];
    return (void *)syscall(SYS_mmap, at, len, protection, flags, fd, offset);
}
void *mmap64(void *at, size_t len, int protection, int flags, int fd, off_t offset) {
    return mmap(at, len, protection, flags, fd, offset);
}

static int run(int is_on) {
    const char *text = getenv("CAMERA_RATE");
    long pause = 1000000000L / (text ? atoi(text) : 24);
    struct itimerspec time = {{0, is_on ? pause : 0}, {0, is_on ? pause : 0}};
    return timerfd_settime(device, 0, &time, NULL);
}

static int dequeue(struct v4l2_buffer *buffer) {
    uint64_t times;
    if (!waiting || read(device, &times, sizeof times) < 0) return errno = EAGAIN, -1;
    int index = queued[first];
    first = (first + 1) % BUFFERS, waiting--;
    size_t len = starts[next_picture + 1] - starts[next_picture];
    memcpy(buffers[index], film + starts[next_picture], len);
    next_picture = (next_picture + 1) % pictures;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    buffer->index = index, buffer->bytesused = len, buffer->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    buffer->timestamp.tv_sec = now.tv_sec, buffer->timestamp.tv_usec = now.tv_nsec / 1000;
    buffer->field = V4L2_FIELD_NONE;
    return 0;
}

static int answer(unsigned long request, void *what) {
    struct v4l2_capability *capability = what;
    struct v4l2_pix_format *format = &((struct v4l2_format *)what)->fmt.pix;
    struct v4l2_requestbuffers *wanted = what;
    struct v4l2_buffer *buffer = what;
    switch (request) {
    case VIDIOC_QUERYCAP:
        memset(capability, 0, sizeof *capability);
        strcpy((char *)capability->card, "film");
        capability->capabilities = capability->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        return 0;
    case VIDIOC_S_INPUT: return 0;
    case VIDIOC_S_FMT: case VIDIOC_G_FMT:
        format->width = width, format->height = height, format->pixelformat = V4L2_PIX_FMT_MJPEG;
        format->field = V4L2_FIELD_NONE, format->sizeimage = ROOM;
        return 0;
    case VIDIOC_REQBUFS:
        if (wanted->count > BUFFERS) wanted->count = BUFFERS;
        count = wanted->count, first = waiting = 0;
        return 0;
    case VIDIOC_QUERYBUF:
        if (buffer->index >= count) return errno = EINVAL, -1;
        buffer->length = ROOM, buffer->m.offset = buffer->index * ROOM;
        return 0;
    case VIDIOC_QBUF: queued[(first + waiting++) % BUFFERS] = buffer->index; return 0;
    case VIDIOC_DQBUF: return dequeue(buffer);
    case VIDIOC_STREAMON: return run(1);
    case VIDIOC_STREAMOFF: return run(0);
    default: return errno = EINVAL, -1;
    }
}

int ioctl(int fd, unsigned long request, ...) {
    va_list more;
    va_start(more, request);
    void *what = va_arg(more, void *);
    va_end(more);
    if (fd >= 0 && fd == device) return answer((uint32_t)request, what);
    return syscall(SYS_ioctl, fd, request, what);
}
