/* vfs_fault.c - see vfs_fault.h. */
#include "vfs_fault.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#define SECTOR_BYTES 512
#define PATH_MAX_BYTES 1024
#define SHM_REGIONS_MAX 64
#define PIECE_BYTES INT64_C(16384)

/* A write or truncation that was not synced yet. */
struct change {
    struct change *next;
    int64_t offset;
    int64_t count; /* -1 = truncate to offset */
    unsigned char bytes[];
};

/* Sparse: a piece that was never written is NULL and reads as zeros. */
struct content {
    unsigned char **pieces;
    int64_t piece_count, size;
};

struct file {
    struct file *next;
    char path[PATH_MAX_BYTES];
    bool deleted; /* freed with its last handle */
    int handles;
    struct content now, durable;
    struct change *changes, **changes_end;
    int shared, reserved, exclusive; /* locks of the main file: handles that hold them */
    int shm_users;
    void *shm[SHM_REGIONS_MAX];
    int shm_shared[SQLITE_SHM_NLOCK], shm_exclusive[SQLITE_SHM_NLOCK];
};

struct handle {
    sqlite3_file base;
    struct file *file;
    int level;      /* SQLITE_LOCK_... */
    uint64_t power; /* handles of before a power cut are dead */
    bool delete_on_close, shm_used;
    unsigned shm_shared, shm_exclusive; /* bits of slots */
};

static struct {
    sqlite3_vfs vfs;
    sqlite3_vfs *before;
    struct file *files;
    int64_t quota;
    uint64_t refusals;
    uint64_t counts[VFS_OPERATION_COUNT];
    unsigned fault_mask;
    uint64_t fault_nth, fault_seen;
    int fault_code;
    bool fault_once, fault_cuts, struck;
    bool off, paused;
    uint64_t power; /* counts power cuts */
    uint64_t noise;
    int system_code;
} disk;

static uint64_t next_random(uint64_t *state)
{
    *state += UINT64_C(0x9E3779B97F4A7C15); /* splitmix64 */
    uint64_t z = *state;
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static void *must(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

/* ---- content ---- */

static void content_resize(struct content *content, int64_t size)
{
    const int64_t wanted = (size + PIECE_BYTES - 1) / PIECE_BYTES;
    if (wanted > content->piece_count) {
        const int64_t count = wanted + wanted / 2;
        content->pieces = must(realloc(content->pieces, (size_t)count * sizeof(content->pieces[0])));
        memset(content->pieces + content->piece_count, 0,
               (size_t)(count - content->piece_count) * sizeof(content->pieces[0]));
        content->piece_count = count;
    }
    for (int64_t i = wanted; size < content->size && i < content->piece_count; i++) {
        free(content->pieces[i]);
        content->pieces[i] = NULL;
    }
    if (size < content->size && size % PIECE_BYTES != 0 && content->pieces[wanted - 1] != NULL) {
        memset(content->pieces[wanted - 1] + size % PIECE_BYTES, 0,
               (size_t)(PIECE_BYTES - size % PIECE_BYTES));
    }
    content->size = size;
}

static void content_write(struct content *content, int64_t offset, const unsigned char *bytes, int64_t count)
{
    if (offset + count > content->size)
        content_resize(content, offset + count);
    while (count > 0) {
        unsigned char **piece = &content->pieces[offset / PIECE_BYTES];
        const int64_t room = PIECE_BYTES - offset % PIECE_BYTES, part = count < room ? count : room;
        if (*piece == NULL)
            *piece = must(calloc(1, (size_t)PIECE_BYTES));
        memcpy(*piece + offset % PIECE_BYTES, bytes, (size_t)part);
        offset += part;
        bytes += part;
        count -= part;
    }
}

/* offset + count is within the size. */
static void content_read(const struct content *content, int64_t offset, unsigned char *bytes, int64_t count)
{
    while (count > 0) {
        const unsigned char *piece = content->pieces[offset / PIECE_BYTES];
        const int64_t room = PIECE_BYTES - offset % PIECE_BYTES, part = count < room ? count : room;
        if (piece != NULL)
            memcpy(bytes, piece + offset % PIECE_BYTES, (size_t)part);
        else
            memset(bytes, 0, (size_t)part);
        offset += part;
        bytes += part;
        count -= part;
    }
}

static void content_free(struct content *content)
{
    for (int64_t i = 0; i < content->piece_count; i++)
        free(content->pieces[i]);
    free(content->pieces);
    memset(content, 0, sizeof(*content));
}

static void content_copy(struct content *to, const struct content *from)
{
    content_free(to);
    content_resize(to, from->size);
    for (int64_t i = 0; i < from->piece_count; i++)
        if (from->pieces[i] != NULL)
            to->pieces[i] = memcpy(must(malloc((size_t)PIECE_BYTES)), from->pieces[i], (size_t)PIECE_BYTES);
}

static void changes_free(struct file *file)
{
    for (struct change *change = file->changes; change != NULL;) {
        struct change *next = change->next;
        free(change);
        change = next;
    }
    file->changes = NULL;
    file->changes_end = &file->changes;
}

static void note_change(struct file *file, int64_t offset, const void *bytes, int64_t count)
{
    struct change *change = must(malloc(sizeof(*change) + (count > 0 ? (size_t)count : 0)));
    change->next = NULL;
    change->offset = offset;
    change->count = count;
    if (count > 0)
        memcpy(change->bytes, bytes, (size_t)count);
    *file->changes_end = change;
    file->changes_end = &change->next;
}

/* What of the changes since the last sync has arrived, sector by sector. */
static void content_survive(struct file *file, uint64_t *seed)
{
    for (const struct change *change = file->changes; change != NULL; change = change->next) {
        if (change->count < 0) {
            if (next_random(seed) & 1)
                content_resize(&file->durable, change->offset);
            continue;
        }
        for (int64_t done = 0; done < change->count;) {
            int64_t piece = SECTOR_BYTES - (change->offset + done) % SECTOR_BYTES;
            piece = piece < change->count - done ? piece : change->count - done;
            if (next_random(seed) & 1)
                content_write(&file->durable, change->offset + done, change->bytes + done, piece);
            done += piece;
        }
    }
}

static void shm_free(struct file *file)
{
    for (int i = 0; i < SHM_REGIONS_MAX; i++) {
        free(file->shm[i]);
        file->shm[i] = NULL;
    }
}

static struct file *file_find(const char *path)
{
    for (struct file *file = disk.files; file != NULL; file = file->next)
        if (!file->deleted && strcmp(file->path, path) == 0)
            return file;
    return NULL;
}

static void file_release(struct file *file)
{
    if (file->handles > 0 || !file->deleted)
        return;
    struct file **link = &disk.files;
    while (*link != file)
        link = &(*link)->next;
    *link = file->next;
    changes_free(file);
    shm_free(file);
    content_free(&file->now);
    content_free(&file->durable);
    free(file);
}

/* ---- faults ---- */

/* Counts an operation; SQLITE_OK, or the code it has to fail with. */
static int strike(enum vfs_operation operation)
{
    disk.counts[operation] += !disk.paused;
    if (disk.off)
        return SQLITE_IOERR;
    if (disk.paused)
        return SQLITE_OK;
    if ((disk.fault_mask & VFS_MASK(operation)) == 0)
        return SQLITE_OK;
    disk.fault_seen++;
    if (disk.fault_seen < disk.fault_nth || (disk.fault_once && disk.fault_seen > disk.fault_nth))
        return SQLITE_OK;
    disk.struck = true;
    if (disk.fault_cuts) {
        vfs_fault_power_cut();
        return SQLITE_IOERR;
    }
    return disk.fault_code;
}

static int strike_handle(const struct handle *handle, enum vfs_operation operation)
{
    const int code = strike(operation);
    return handle->power != disk.power ? SQLITE_IOERR : code;
}

void vfs_fault_disarm(void)
{
    memset(disk.counts, 0, sizeof(disk.counts));
    disk.fault_mask = 0;
    disk.fault_seen = 0;
    disk.struck = false;
    disk.fault_cuts = false;
    disk.system_code = 0;
}

void vfs_fault_system_code(int code)
{
    disk.system_code = code;
}

void vfs_fault_arm(unsigned mask, uint64_t nth, int code, bool once)
{
    vfs_fault_disarm();
    disk.fault_mask = mask;
    disk.fault_nth = nth;
    disk.fault_code = code;
    disk.fault_once = once;
}

void vfs_fault_arm_power_cut(unsigned mask, uint64_t nth)
{
    vfs_fault_arm(mask, nth, SQLITE_IOERR, false);
    disk.fault_cuts = true;
}

void vfs_fault_pause(bool paused)
{
    disk.paused = paused;
}

uint64_t vfs_fault_count(unsigned mask)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < VFS_OPERATION_COUNT; i++)
        count += (mask & VFS_MASK(i)) != 0 ? disk.counts[i] : 0;
    return count;
}

bool vfs_fault_struck(void)
{
    return disk.struck;
}

void vfs_fault_power_cut(void)
{
    disk.off = true;
    disk.power++;
}

void vfs_fault_power_on(enum vfs_survival survival, uint64_t seed)
{
    for (struct file *file = disk.files; file != NULL; file = file->next) {
        assert(file->handles == 0); /* dead connections are closed first */
        if (survival == VFS_KEEP_RANDOM)
            content_survive(file, &seed);
        if (survival == VFS_KEEP_ALL)
            content_copy(&file->durable, &file->now);
        else
            content_copy(&file->now, &file->durable);
        changes_free(file);
        shm_free(file);
        file->shm_users = 0;
        memset(file->shm_shared, 0, sizeof(file->shm_shared));
        memset(file->shm_exclusive, 0, sizeof(file->shm_exclusive));
        file->shared = file->reserved = file->exclusive = 0;
    }
    disk.off = false;
    disk.power++;
    vfs_fault_disarm();
}

void vfs_fault_set_quota(int64_t bytes)
{
    disk.quota = bytes;
}

uint64_t vfs_fault_refusals(void)
{
    return disk.refusals;
}

int64_t vfs_fault_used_bytes(void)
{
    int64_t bytes = 0;
    for (const struct file *file = disk.files; file != NULL; file = file->next)
        bytes += file->now.size;
    return bytes;
}

int64_t vfs_fault_file_bytes(const char *path)
{
    const struct file *file = file_find(path);
    return file != NULL ? file->now.size : 0;
}

bool vfs_fault_flip(const char *path, int64_t offset, unsigned char mask)
{
    struct file *file = file_find(path);
    if (file == NULL || offset >= file->now.size || offset >= file->durable.size)
        return false;
    struct content *const contents[] = {&file->now, &file->durable};
    for (size_t i = 0; i < 2; i++) {
        unsigned char byte;
        content_read(contents[i], offset, &byte, 1);
        byte ^= mask;
        content_write(contents[i], offset, &byte, 1);
    }
    return true;
}

bool vfs_fault_rename(const char *from, const char *to)
{
    struct file *file = file_find(from);
    if (file == NULL || strlen(to) >= PATH_MAX_BYTES)
        return false;
    strcpy(file->path, to);
    return true;
}

/* Does the disk take a file of this size? */
static bool fits(const struct file *file, int64_t size)
{
    if (disk.quota == 0 || size <= file->now.size ||
        vfs_fault_used_bytes() + size - file->now.size <= disk.quota)
        return true;
    disk.refusals++;
    return false;
}

/* ---- sqlite3_io_methods ---- */

static struct handle *handle_of(sqlite3_file *base)
{
    return (struct handle *)base;
}

static int io_unlock(sqlite3_file *base, int level)
{
    struct handle *handle = handle_of(base);
    struct file *file = handle->file;
    if (handle->power == disk.power) {
        if (handle->level >= SQLITE_LOCK_EXCLUSIVE && level < SQLITE_LOCK_EXCLUSIVE)
            file->exclusive--;
        if (handle->level >= SQLITE_LOCK_RESERVED && level < SQLITE_LOCK_RESERVED)
            file->reserved--;
        if (handle->level >= SQLITE_LOCK_SHARED && level < SQLITE_LOCK_SHARED)
            file->shared--;
    }
    handle->level = level;
    return SQLITE_OK;
}

static int io_lock(sqlite3_file *base, int level)
{
    struct handle *handle = handle_of(base);
    struct file *file = handle->file;
    if (handle->level >= level)
        return SQLITE_OK;
    const int code = strike_handle(handle, VFS_LOCK);
    if (code != SQLITE_OK)
        return code;
    if (level == SQLITE_LOCK_SHARED) {
        if (file->exclusive > 0)
            return SQLITE_BUSY;
        file->shared++;
    } else {
        if (handle->level < SQLITE_LOCK_RESERVED) {
            if (file->reserved > 0)
                return SQLITE_BUSY;
            file->reserved++;
            handle->level = SQLITE_LOCK_RESERVED;
        }
        if (level == SQLITE_LOCK_EXCLUSIVE) {
            if (file->shared > 1)
                return SQLITE_BUSY;
            file->exclusive++;
        }
    }
    handle->level = level;
    return SQLITE_OK;
}

static int io_check_reserved(sqlite3_file *base, int *out_reserved)
{
    *out_reserved = handle_of(base)->file->reserved > 0;
    return SQLITE_OK;
}

static int io_shm_unmap(sqlite3_file *base, int remove)
{
    struct handle *handle = handle_of(base);
    struct file *file = handle->file;
    if (!handle->shm_used)
        return SQLITE_OK;
    handle->shm_used = false;
    if (handle->power == disk.power) {
        for (int slot = 0; slot < SQLITE_SHM_NLOCK; slot++) {
            file->shm_shared[slot] -= (int)((handle->shm_shared >> slot) & 1);
            file->shm_exclusive[slot] -= (int)((handle->shm_exclusive >> slot) & 1);
        }
        file->shm_users--;
        if (file->shm_users == 0 && remove)
            shm_free(file);
    }
    handle->shm_shared = handle->shm_exclusive = 0;
    return SQLITE_OK;
}

static int io_close(sqlite3_file *base)
{
    struct handle *handle = handle_of(base);
    io_unlock(base, SQLITE_LOCK_NONE);
    io_shm_unmap(base, 0);
    handle->file->handles--;
    handle->file->deleted = handle->file->deleted || handle->delete_on_close;
    file_release(handle->file);
    base->pMethods = NULL;
    return SQLITE_OK;
}

static int io_read(sqlite3_file *base, void *bytes, int count, sqlite3_int64 offset)
{
    struct handle *handle = handle_of(base);
    const int code = strike_handle(handle, VFS_READ);
    if (code != SQLITE_OK)
        return code;
    const struct content *content = &handle->file->now;
    const int64_t there = offset >= content->size          ? 0
                          : content->size - offset < count ? content->size - offset
                                                           : count;
    if (there > 0)
        content_read(content, offset, bytes, there);
    if (there < count) {
        memset((unsigned char *)bytes + there, 0, (size_t)(count - there));
        return SQLITE_IOERR_SHORT_READ;
    }
    return SQLITE_OK;
}

static int io_write(sqlite3_file *base, const void *bytes, int count, sqlite3_int64 offset)
{
    struct handle *handle = handle_of(base);
    const int code = strike_handle(handle, VFS_WRITE);
    if (code != SQLITE_OK)
        return code;
    if (!fits(handle->file, offset + count))
        return SQLITE_FULL;
    content_write(&handle->file->now, offset, bytes, count);
    note_change(handle->file, offset, bytes, count);
    return SQLITE_OK;
}

static int io_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct handle *handle = handle_of(base);
    const int code = strike_handle(handle, VFS_TRUNCATE);
    if (code != SQLITE_OK)
        return code;
    content_resize(&handle->file->now, size);
    note_change(handle->file, size, NULL, -1);
    return SQLITE_OK;
}

static int io_sync(sqlite3_file *base, int flags)
{
    (void)flags;
    struct handle *handle = handle_of(base);
    const int code = strike_handle(handle, VFS_SYNC);
    if (code != SQLITE_OK)
        return code;
    struct file *file = handle->file;
    for (const struct change *change = file->changes; change != NULL; change = change->next)
        if (change->count < 0)
            content_resize(&file->durable, change->offset);
        else
            content_write(&file->durable, change->offset, change->bytes, change->count);
    changes_free(file);
    return SQLITE_OK;
}

static int io_size(sqlite3_file *base, sqlite3_int64 *out_size)
{
    struct handle *handle = handle_of(base);
    const int code = strike_handle(handle, VFS_SIZE);
    if (code == SQLITE_OK)
        *out_size = handle->file->now.size;
    return code;
}

static int io_control(sqlite3_file *base, int operation, void *argument)
{
    struct handle *handle = handle_of(base);
    if (operation != SQLITE_FCNTL_SIZE_HINT)
        return SQLITE_NOTFOUND;
    const int64_t size = *(const sqlite3_int64 *)argument;
    if (size <= handle->file->now.size)
        return SQLITE_OK;
    const int code = strike_handle(handle, VFS_TRUNCATE);
    if (code != SQLITE_OK)
        return code;
    if (!fits(handle->file, size))
        return SQLITE_FULL;
    content_resize(&handle->file->now, size);
    note_change(handle->file, size, NULL, -1);
    return SQLITE_OK;
}

static int io_sector_size(sqlite3_file *base)
{
    (void)base;
    return SECTOR_BYTES;
}

static int io_characteristics(sqlite3_file *base)
{
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE; /* as SQLite itself assumes on Windows and Unix */
}

static int io_shm_map(sqlite3_file *base, int region, int bytes, int extend, void volatile **out_memory)
{
    struct handle *handle = handle_of(base);
    struct file *file = handle->file;
    const int code = strike_handle(handle, VFS_SHM);
    if (code != SQLITE_OK)
        return code;
    if (!handle->shm_used) {
        handle->shm_used = true;
        file->shm_users++;
    }
    if (region >= SHM_REGIONS_MAX)
        return SQLITE_IOERR_SHMMAP;
    if (file->shm[region] == NULL && extend)
        file->shm[region] = must(calloc(1, (size_t)bytes));
    *out_memory = file->shm[region];
    return SQLITE_OK;
}

static int io_shm_lock(sqlite3_file *base, int first, int count, int flags)
{
    struct handle *handle = handle_of(base);
    struct file *file = handle->file;
    if (handle->power != disk.power)
        return (flags & SQLITE_SHM_UNLOCK) != 0 ? SQLITE_OK : SQLITE_IOERR;
    if ((flags & SQLITE_SHM_UNLOCK) == 0) {
        const int code = strike(VFS_SHM);
        if (code != SQLITE_OK)
            return code;
        for (int slot = first; slot < first + count; slot++) {
            const int others_exclusive =
                file->shm_exclusive[slot] - (int)((handle->shm_exclusive >> slot) & 1);
            const int others_shared = file->shm_shared[slot] - (int)((handle->shm_shared >> slot) & 1);
            if (others_exclusive > 0 || ((flags & SQLITE_SHM_EXCLUSIVE) != 0 && others_shared > 0))
                return SQLITE_BUSY;
        }
    }
    for (int slot = first; slot < first + count; slot++) {
        const unsigned bit = 1U << slot;
        unsigned *held = (flags & SQLITE_SHM_EXCLUSIVE) != 0 ? &handle->shm_exclusive : &handle->shm_shared;
        int *all = (flags & SQLITE_SHM_EXCLUSIVE) != 0 ? &file->shm_exclusive[slot] : &file->shm_shared[slot];
        if ((flags & SQLITE_SHM_UNLOCK) != 0) {
            *all -= (*held & bit) != 0;
            *held &= ~bit;
        } else {
            *all += (*held & bit) == 0;
            *held |= bit;
        }
    }
    return SQLITE_OK;
}

static void io_shm_barrier(sqlite3_file *base)
{
    (void)base;
}

static const sqlite3_io_methods io_methods = {
    .iVersion = 2,
    .xClose = io_close,
    .xRead = io_read,
    .xWrite = io_write,
    .xTruncate = io_truncate,
    .xSync = io_sync,
    .xFileSize = io_size,
    .xLock = io_lock,
    .xUnlock = io_unlock,
    .xCheckReservedLock = io_check_reserved,
    .xFileControl = io_control,
    .xSectorSize = io_sector_size,
    .xDeviceCharacteristics = io_characteristics,
    .xShmMap = io_shm_map,
    .xShmLock = io_shm_lock,
    .xShmBarrier = io_shm_barrier,
    .xShmUnmap = io_shm_unmap,
};

/* ---- sqlite3_vfs ---- */

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *out_flags)
{
    (void)vfs;
    struct handle *handle = handle_of(base);
    memset(handle, 0, sizeof(*handle));
    const int code = strike(VFS_OPEN);
    if (code != SQLITE_OK)
        return code;
    struct file *file = path != NULL ? file_find(path) : NULL;
    if (file == NULL) {
        if (path != NULL && (flags & SQLITE_OPEN_CREATE) == 0)
            return SQLITE_CANTOPEN;
        if (path != NULL && strlen(path) >= PATH_MAX_BYTES)
            return SQLITE_CANTOPEN;
        file = must(calloc(1, sizeof(*file)));
        strcpy(file->path, path != NULL ? path : "");
        file->changes_end = &file->changes;
        file->next = disk.files;
        disk.files = file;
    }
    file->handles++;
    handle->file = file;
    handle->power = disk.power;
    handle->delete_on_close = path == NULL || (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
    handle->base.pMethods = &io_methods;
    if (out_flags != NULL)
        *out_flags = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
    (void)vfs;
    (void)sync;
    const int code = strike(VFS_DELETE);
    if (code != SQLITE_OK)
        return code;
    struct file *file = file_find(path);
    if (file == NULL)
        return SQLITE_IOERR_DELETE_NOENT;
    file->deleted = true;
    file_release(file);
    return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *out_result)
{
    (void)vfs;
    (void)flags;
    *out_result = file_find(path) != NULL;
    return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int capacity, char *out_path)
{
    (void)vfs;
    if (strlen(path) >= (size_t)capacity)
        return SQLITE_CANTOPEN;
    strcpy(out_path, path);
    return SQLITE_OK;
}

static int vfs_randomness(sqlite3_vfs *vfs, int count, char *out_bytes)
{
    (void)vfs;
    for (int i = 0; i < count; i++)
        out_bytes[i] = (char)next_random(&disk.noise);
    return count;
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    return microseconds; /* nobody else runs: waiting would change nothing */
}

static int vfs_time(sqlite3_vfs *vfs, sqlite3_int64 *out_time)
{
    (void)vfs;
    *out_time = INT64_C(212000000000000);
    return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *vfs, int count, char *out_text)
{
    (void)vfs;
    if (count > 0)
        out_text[0] = '\0';
    return disk.system_code;
}

void vfs_fault_install(void)
{
    memset(&disk, 0, sizeof(disk));
    disk.before = sqlite3_vfs_find(NULL);
    disk.vfs = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = (int)sizeof(struct handle),
        .mxPathname = PATH_MAX_BYTES,
        .zName = "fault",
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xGetLastError = vfs_last_error,
        .xCurrentTimeInt64 = vfs_time,
    };
    sqlite3_vfs_register(&disk.vfs, 1);
}

void vfs_fault_uninstall(void)
{
    sqlite3_vfs_unregister(&disk.vfs);
    if (disk.before != NULL)
        sqlite3_vfs_register(disk.before, 1);
    for (struct file *file = disk.files; file != NULL;) {
        struct file *next = file->next;
        file->deleted = true; /* one that is still open (a test has failed) is left */
        file_release(file);
        file = next;
    }
}
