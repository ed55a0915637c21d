/**
 * The constants of <linux/io_uring.h>, under their C names. They are the same numbers everywhere,
 * and have a meaning on Linux only. A comment says which kernel brought what Linux 6.0 lacks.
 * io_uring_setup(2), io_uring_enter(2), io_uring_register(2)
 *
 * @module
 */

// io_uring_setup(2), flags

/** Completions are polled for, instead of being reported by an interrupt. `<linux/io_uring.h>` */
export const IORING_SETUP_IOPOLL = 1;
/** A kernel thread submits what is queued. `<linux/io_uring.h>` */
export const IORING_SETUP_SQPOLL = 2;
/** `sq_thread_cpu` says where that thread runs. `<linux/io_uring.h>` */
export const IORING_SETUP_SQ_AFF = 4;
/** `cq_entries` says how long the completion queue is. `<linux/io_uring.h>` */
export const IORING_SETUP_CQSIZE = 8;
/** Sizes that are too large are reduced to the largest ones. `<linux/io_uring.h>` */
export const IORING_SETUP_CLAMP = 0x10;
/** Shares the kernel's worker threads with the ring `wq_fd`. `<linux/io_uring.h>` */
export const IORING_SETUP_ATTACH_WQ = 0x20;
/** The ring starts disabled. `<linux/io_uring.h>` */
export const IORING_SETUP_R_DISABLED = 0x40;
/** An entry that fails does not stop the submission of those after it. `<linux/io_uring.h>` */
export const IORING_SETUP_SUBMIT_ALL = 0x80;
/**
 * The kernel finishes operations at the next syscall, without an interrupt.
 * `<linux/io_uring.h>`
 */
export const IORING_SETUP_COOP_TASKRUN = 0x100;
/** Sets IORING_SQ_TASKRUN while there are operations to finish. `<linux/io_uring.h>` */
export const IORING_SETUP_TASKRUN_FLAG = 0x200;
/** Submission queue entries have 128 bytes. `<linux/io_uring.h>` */
export const IORING_SETUP_SQE128 = 0x400;
/** Completion queue entries have 32 bytes. `<linux/io_uring.h>` */
export const IORING_SETUP_CQE32 = 0x800;
/** Only one thread submits. Linux 6.0. `<linux/io_uring.h>` */
export const IORING_SETUP_SINGLE_ISSUER = 0x1000;
/**
 * The kernel finishes operations only in io_uring_enter() with IORING_ENTER_GETEVENTS. Linux 6.1.
 * `<linux/io_uring.h>`
 */
export const IORING_SETUP_DEFER_TASKRUN = 0x2000;
/**
 * The caller gives the memory of the rings; io_uring_setup() here refuses it. Linux 6.5.
 * `<linux/io_uring.h>`
 */
export const IORING_SETUP_NO_MMAP = 0x4000;
/**
 * Returns the index of a registered ring instead of a descriptor. Linux 6.5.
 * `<linux/io_uring.h>`
 */
export const IORING_SETUP_REGISTERED_FD_ONLY = 0x8000;
/**
 * Entries are submitted in the order in which they lie in memory. Linux 6.6.
 * `<linux/io_uring.h>`
 */
export const IORING_SETUP_NO_SQARRAY = 0x10000;

// io_uring_setup(2), features

/** Both rings are one mapping. `<linux/io_uring.h>` */
export const IORING_FEAT_SINGLE_MMAP = 1;
/** Completions that the queue has no room for are kept. `<linux/io_uring.h>` */
export const IORING_FEAT_NODROP = 2;
/** What an entry points to may be reused once the entry is submitted. `<linux/io_uring.h>` */
export const IORING_FEAT_SUBMIT_STABLE = 4;
/** An offset of -1 is the file's own position. `<linux/io_uring.h>` */
export const IORING_FEAT_RW_CUR_POS = 8;
/** Operations have the credentials of whoever submits them. `<linux/io_uring.h>` */
export const IORING_FEAT_CUR_PERSONALITY = 0x10;
/** Operations that would block wait without a worker thread. `<linux/io_uring.h>` */
export const IORING_FEAT_FAST_POLL = 0x20;
/** IORING_OP_POLL_ADD takes 32 bits of events. `<linux/io_uring.h>` */
export const IORING_FEAT_POLL_32BITS = 0x40;
/** IORING_SETUP_SQPOLL takes descriptors that are not registered. `<linux/io_uring.h>` */
export const IORING_FEAT_SQPOLL_NONFIXED = 0x80;
/** io_uring_enter() takes a timeout. `<linux/io_uring.h>` */
export const IORING_FEAT_EXT_ARG = 0x100;
/** Worker threads are threads of the process. `<linux/io_uring.h>` */
export const IORING_FEAT_NATIVE_WORKERS = 0x200;
/** Registered resources may have tags. `<linux/io_uring.h>` */
export const IORING_FEAT_RSRC_TAGS = 0x400;
/** The kernel knows IOSQE_CQE_SKIP_SUCCESS. `<linux/io_uring.h>` */
export const IORING_FEAT_CQE_SKIP = 0x800;
/** The descriptor of a linked entry is looked up when its turn comes. `<linux/io_uring.h>` */
export const IORING_FEAT_LINKED_FILE = 0x1000;
/** io_uring_register() takes registered rings. Linux 6.3. `<linux/io_uring.h>` */
export const IORING_FEAT_REG_REG_RING = 0x2000;
/** The kernel knows IORING_RECVSEND_BUNDLE. Linux 6.10. `<linux/io_uring.h>` */
export const IORING_FEAT_RECVSEND_BUNDLE = 0x4000;
/** io_uring_enter() takes a shortest wait. Linux 6.12. `<linux/io_uring.h>` */
export const IORING_FEAT_MIN_TIMEOUT = 0x8000;
/** Reads and writes take attributes. Linux 6.14. `<linux/io_uring.h>` */
export const IORING_FEAT_RW_ATTR = 0x10000;
/** The kernel knows IORING_ENTER_NO_IOWAIT. Linux 6.15. `<linux/io_uring.h>` */
export const IORING_FEAT_NO_IOWAIT = 0x20000;

// io_uring_setup(2), where mmap(2) finds the rings

/**
 * The offset of the submission ring; with IORING_FEAT_SINGLE_MMAP of both rings.
 * `<linux/io_uring.h>`
 */
export const IORING_OFF_SQ_RING = 0;
/** The offset of the completion ring. `<linux/io_uring.h>` */
export const IORING_OFF_CQ_RING = 0x8000000;
/** The offset of the submission queue entries. `<linux/io_uring.h>` */
export const IORING_OFF_SQES = 0x10000000;
/** The offset of buffer rings that the kernel has allocated. Linux 6.4. `<linux/io_uring.h>` */
export const IORING_OFF_PBUF_RING = 0x80000000;
/** The bits of an offset that say what is mapped. `<linux/io_uring.h>` */
export const IORING_OFF_MMAP_MASK = 0xf8000000;

// io_uring_enter(2), flags

/** Waits for completions. `<linux/io_uring.h>` */
export const IORING_ENTER_GETEVENTS = 1;
/** Wakes the thread of IORING_SETUP_SQPOLL. `<linux/io_uring.h>` */
export const IORING_ENTER_SQ_WAKEUP = 2;
/** Waits until the submission queue has room. `<linux/io_uring.h>` */
export const IORING_ENTER_SQ_WAIT = 4;
/** `arg` is a struct io_uring_getevents_arg. `<linux/io_uring.h>` */
export const IORING_ENTER_EXT_ARG = 8;
/** `fd` is the index of a registered ring. `<linux/io_uring.h>` */
export const IORING_ENTER_REGISTERED_RING = 0x10;
/** The timeout is a point in time. Linux 6.12. `<linux/io_uring.h>` */
export const IORING_ENTER_ABS_TIMER = 0x20;
/** `arg` is an offset in registered memory. Linux 6.13. `<linux/io_uring.h>` */
export const IORING_ENTER_EXT_ARG_REG = 0x40;
/** Waiting does not count as waiting for I/O. Linux 6.15. `<linux/io_uring.h>` */
export const IORING_ENTER_NO_IOWAIT = 0x80;

// the flags of the rings

/** The thread of IORING_SETUP_SQPOLL sleeps. `<linux/io_uring.h>` */
export const IORING_SQ_NEED_WAKEUP = 1;
/** The kernel holds completions that the queue has no room for. `<linux/io_uring.h>` */
export const IORING_SQ_CQ_OVERFLOW = 2;
/** There are operations to finish: call io_uring_enter(). `<linux/io_uring.h>` */
export const IORING_SQ_TASKRUN = 4;
/** Completions do not signal the registered eventfd. `<linux/io_uring.h>` */
export const IORING_CQ_EVENTFD_DISABLED = 1;

// struct io_uring_sqe, flags

/** `fd` is the index of a registered file. `<linux/io_uring.h>` */
export const IOSQE_FIXED_FILE = 1;
/** Starts once all entries before it have completed. `<linux/io_uring.h>` */
export const IOSQE_IO_DRAIN = 2;
/** The next entry starts once this one has succeeded. `<linux/io_uring.h>` */
export const IOSQE_IO_LINK = 4;
/** The next entry starts once this one has completed. `<linux/io_uring.h>` */
export const IOSQE_IO_HARDLINK = 8;
/** A worker thread carries it out. `<linux/io_uring.h>` */
export const IOSQE_ASYNC = 0x10;
/** The kernel takes a buffer of the group `buf_group`. `<linux/io_uring.h>` */
export const IOSQE_BUFFER_SELECT = 0x20;
/** Only failures have a completion. `<linux/io_uring.h>` */
export const IOSQE_CQE_SKIP_SUCCESS = 0x40;

// struct io_uring_sqe, opcode

/** Does nothing. `<linux/io_uring.h>` */
export const IORING_OP_NOP = 0;
/** preadv2(2) `<linux/io_uring.h>` */
export const IORING_OP_READV = 1;
/** pwritev2(2) `<linux/io_uring.h>` */
export const IORING_OP_WRITEV = 2;
/** fsync(2) `<linux/io_uring.h>` */
export const IORING_OP_FSYNC = 3;
/** Reads into a registered buffer. `<linux/io_uring.h>` */
export const IORING_OP_READ_FIXED = 4;
/** Writes from a registered buffer. `<linux/io_uring.h>` */
export const IORING_OP_WRITE_FIXED = 5;
/** Waits for events, as poll(2) does. `<linux/io_uring.h>` */
export const IORING_OP_POLL_ADD = 6;
/** Ends or changes an IORING_OP_POLL_ADD. `<linux/io_uring.h>` */
export const IORING_OP_POLL_REMOVE = 7;
/** sync_file_range(2) `<linux/io_uring.h>` */
export const IORING_OP_SYNC_FILE_RANGE = 8;
/** sendmsg(2) `<linux/io_uring.h>` */
export const IORING_OP_SENDMSG = 9;
/** recvmsg(2) `<linux/io_uring.h>` */
export const IORING_OP_RECVMSG = 10;
/** Completes after some time or some completions. `<linux/io_uring.h>` */
export const IORING_OP_TIMEOUT = 11;
/** Ends or changes an IORING_OP_TIMEOUT. `<linux/io_uring.h>` */
export const IORING_OP_TIMEOUT_REMOVE = 12;
/** accept4(2) `<linux/io_uring.h>` */
export const IORING_OP_ACCEPT = 13;
/** Cancels operations. `<linux/io_uring.h>` */
export const IORING_OP_ASYNC_CANCEL = 14;
/** Limits the time of the entry that it is linked to. `<linux/io_uring.h>` */
export const IORING_OP_LINK_TIMEOUT = 15;
/** connect(2) `<linux/io_uring.h>` */
export const IORING_OP_CONNECT = 16;
/** fallocate(2) `<linux/io_uring.h>` */
export const IORING_OP_FALLOCATE = 17;
/** openat(2) `<linux/io_uring.h>` */
export const IORING_OP_OPENAT = 18;
/** close(2) `<linux/io_uring.h>` */
export const IORING_OP_CLOSE = 19;
/** Replaces registered files. `<linux/io_uring.h>` */
export const IORING_OP_FILES_UPDATE = 20;
/** statx(2) `<linux/io_uring.h>` */
export const IORING_OP_STATX = 21;
/** pread(2) `<linux/io_uring.h>` */
export const IORING_OP_READ = 22;
/** pwrite(2) `<linux/io_uring.h>` */
export const IORING_OP_WRITE = 23;
/** posix_fadvise(2) `<linux/io_uring.h>` */
export const IORING_OP_FADVISE = 24;
/** madvise(2) `<linux/io_uring.h>` */
export const IORING_OP_MADVISE = 25;
/** send(2) `<linux/io_uring.h>` */
export const IORING_OP_SEND = 26;
/** recv(2) `<linux/io_uring.h>` */
export const IORING_OP_RECV = 27;
/** openat2(2) `<linux/io_uring.h>` */
export const IORING_OP_OPENAT2 = 28;
/** epoll_ctl(2) `<linux/io_uring.h>` */
export const IORING_OP_EPOLL_CTL = 29;
/** splice(2) `<linux/io_uring.h>` */
export const IORING_OP_SPLICE = 30;
/** Adds buffers to a group. `<linux/io_uring.h>` */
export const IORING_OP_PROVIDE_BUFFERS = 31;
/** Takes buffers out of a group. `<linux/io_uring.h>` */
export const IORING_OP_REMOVE_BUFFERS = 32;
/** tee(2) `<linux/io_uring.h>` */
export const IORING_OP_TEE = 33;
/** shutdown(2) `<linux/io_uring.h>` */
export const IORING_OP_SHUTDOWN = 34;
/** renameat2(2) `<linux/io_uring.h>` */
export const IORING_OP_RENAMEAT = 35;
/** unlinkat(2) `<linux/io_uring.h>` */
export const IORING_OP_UNLINKAT = 36;
/** mkdirat(2) `<linux/io_uring.h>` */
export const IORING_OP_MKDIRAT = 37;
/** symlinkat(2) `<linux/io_uring.h>` */
export const IORING_OP_SYMLINKAT = 38;
/** linkat(2) `<linux/io_uring.h>` */
export const IORING_OP_LINKAT = 39;
/** Sends a completion to another ring. `<linux/io_uring.h>` */
export const IORING_OP_MSG_RING = 40;
/** fsetxattr(2) `<linux/io_uring.h>` */
export const IORING_OP_FSETXATTR = 41;
/** setxattr(2) `<linux/io_uring.h>` */
export const IORING_OP_SETXATTR = 42;
/** fgetxattr(2) `<linux/io_uring.h>` */
export const IORING_OP_FGETXATTR = 43;
/** getxattr(2) `<linux/io_uring.h>` */
export const IORING_OP_GETXATTR = 44;
/** socket(2) `<linux/io_uring.h>` */
export const IORING_OP_SOCKET = 45;
/** A command of the file's driver. `<linux/io_uring.h>` */
export const IORING_OP_URING_CMD = 46;
/** send(2) without a copy. `<linux/io_uring.h>` */
export const IORING_OP_SEND_ZC = 47;
/** sendmsg(2) without a copy. `<linux/io_uring.h>` */
export const IORING_OP_SENDMSG_ZC = 48;
/** Reads again and again, into provided buffers. Linux 6.7. `<linux/io_uring.h>` */
export const IORING_OP_READ_MULTISHOT = 49;
/** waitid(2). Linux 6.7. `<linux/io_uring.h>` */
export const IORING_OP_WAITID = 50;
/** Waits on a futex(2). Linux 6.7. `<linux/io_uring.h>` */
export const IORING_OP_FUTEX_WAIT = 51;
/** Wakes the waiters of a futex(2). Linux 6.7. `<linux/io_uring.h>` */
export const IORING_OP_FUTEX_WAKE = 52;
/** futex_waitv(2). Linux 6.7. `<linux/io_uring.h>` */
export const IORING_OP_FUTEX_WAITV = 53;
/** Makes a descriptor of a registered file. Linux 6.8. `<linux/io_uring.h>` */
export const IORING_OP_FIXED_FD_INSTALL = 54;
/** ftruncate(2). Linux 6.9. `<linux/io_uring.h>` */
export const IORING_OP_FTRUNCATE = 55;
/** bind(2). Linux 6.11. `<linux/io_uring.h>` */
export const IORING_OP_BIND = 56;
/** listen(2). Linux 6.11. `<linux/io_uring.h>` */
export const IORING_OP_LISTEN = 57;

// struct io_uring_sqe, the flags of single operations

/** fdatasync(2), in `fsync_flags`. `<linux/io_uring.h>` */
export const IORING_FSYNC_DATASYNC = 1;
/** The timeout is a point in time, in `timeout_flags`. `<linux/io_uring.h>` */
export const IORING_TIMEOUT_ABS = 1;
/** Changes a timeout. `<linux/io_uring.h>` */
export const IORING_TIMEOUT_UPDATE = 2;
/** On CLOCK_BOOTTIME. `<linux/io_uring.h>` */
export const IORING_TIMEOUT_BOOTTIME = 4;
/** On CLOCK_REALTIME. `<linux/io_uring.h>` */
export const IORING_TIMEOUT_REALTIME = 8;
/** Changes a linked timeout. `<linux/io_uring.h>` */
export const IORING_LINK_TIMEOUT_UPDATE = 0x10;
/** A timeout that has expired is a success. `<linux/io_uring.h>` */
export const IORING_TIMEOUT_ETIME_SUCCESS = 0x20;
/** Goes on after the first event, in `len`. `<linux/io_uring.h>` */
export const IORING_POLL_ADD_MULTI = 1;
/** Changes the events of another IORING_OP_POLL_ADD. `<linux/io_uring.h>` */
export const IORING_POLL_UPDATE_EVENTS = 2;
/** Changes the `user_data` of another IORING_OP_POLL_ADD. `<linux/io_uring.h>` */
export const IORING_POLL_UPDATE_USER_DATA = 4;
/** Level-triggered. `<linux/io_uring.h>` */
export const IORING_POLL_ADD_LEVEL = 8;
/** Cancels every operation that matches, in `cancel_flags`. `<linux/io_uring.h>` */
export const IORING_ASYNC_CANCEL_ALL = 1;
/** Matches the descriptor. `<linux/io_uring.h>` */
export const IORING_ASYNC_CANCEL_FD = 2;
/** Matches every operation. `<linux/io_uring.h>` */
export const IORING_ASYNC_CANCEL_ANY = 4;
/** `fd` is the index of a registered file. `<linux/io_uring.h>` */
export const IORING_ASYNC_CANCEL_FD_FIXED = 8;
/** Matches `user_data`. Linux 6.6. `<linux/io_uring.h>` */
export const IORING_ASYNC_CANCEL_USERDATA = 0x10;
/** Matches the opcode. Linux 6.6. `<linux/io_uring.h>` */
export const IORING_ASYNC_CANCEL_OP = 0x20;
/** Waits before the first attempt, in `ioprio`. `<linux/io_uring.h>` */
export const IORING_RECVSEND_POLL_FIRST = 1;
/** Receives again and again, into provided buffers. `<linux/io_uring.h>` */
export const IORING_RECV_MULTISHOT = 2;
/** `buf_index` is the index of a registered buffer. `<linux/io_uring.h>` */
export const IORING_RECVSEND_FIXED_BUF = 4;
/** The completion says whether the bytes were copied. `<linux/io_uring.h>` */
export const IORING_SEND_ZC_REPORT_USAGE = 8;
/** Uses several provided buffers at once. Linux 6.10. `<linux/io_uring.h>` */
export const IORING_RECVSEND_BUNDLE = 0x10;
/** Accepts again and again, in `ioprio`. `<linux/io_uring.h>` */
export const IORING_ACCEPT_MULTISHOT = 1;
/** Does not wait for a connection. Linux 6.10. `<linux/io_uring.h>` */
export const IORING_ACCEPT_DONTWAIT = 2;
/** Waits before the first attempt. Linux 6.10. `<linux/io_uring.h>` */
export const IORING_ACCEPT_POLL_FIRST = 4;

// struct io_uring_cqe, flags

/** The upper 16 bits are the number of the buffer that was used. `<linux/io_uring.h>` */
export const IORING_CQE_F_BUFFER = 1;
/** More completions of the same operation follow. `<linux/io_uring.h>` */
export const IORING_CQE_F_MORE = 2;
/** There is more to receive. `<linux/io_uring.h>` */
export const IORING_CQE_F_SOCK_NONEMPTY = 4;
/** The memory of a send without a copy is free again. `<linux/io_uring.h>` */
export const IORING_CQE_F_NOTIF = 8;
/** The buffer will be used again. Linux 6.12. `<linux/io_uring.h>` */
export const IORING_CQE_F_BUF_MORE = 0x10;
/** Where the number of the buffer begins. `<linux/io_uring.h>` */
export const IORING_CQE_BUFFER_SHIFT = 16;

// io_uring_register(2), opcodes

/** Registers buffers; io_uring_register() here refuses it. `<linux/io_uring.h>` */
export const IORING_REGISTER_BUFFERS = 0;
/** Unregisters all buffers. `<linux/io_uring.h>` */
export const IORING_UNREGISTER_BUFFERS = 1;
/** Registers descriptors. `<linux/io_uring.h>` */
export const IORING_REGISTER_FILES = 2;
/** Unregisters all descriptors. `<linux/io_uring.h>` */
export const IORING_UNREGISTER_FILES = 3;
/** An eventfd that completions signal. `<linux/io_uring.h>` */
export const IORING_REGISTER_EVENTFD = 4;
/** Unregisters the eventfd. `<linux/io_uring.h>` */
export const IORING_UNREGISTER_EVENTFD = 5;
/** Replaces descriptors; io_uring_register() here refuses it. `<linux/io_uring.h>` */
export const IORING_REGISTER_FILES_UPDATE = 6;
/** An eventfd that only completions outside of a syscall signal. `<linux/io_uring.h>` */
export const IORING_REGISTER_EVENTFD_ASYNC = 7;
/** Asks which opcodes the kernel has. `<linux/io_uring.h>` */
export const IORING_REGISTER_PROBE = 8;
/** Registers the caller's credentials. `<linux/io_uring.h>` */
export const IORING_REGISTER_PERSONALITY = 9;
/** Unregisters credentials. `<linux/io_uring.h>` */
export const IORING_UNREGISTER_PERSONALITY = 10;
/** Restricts what may be submitted. `<linux/io_uring.h>` */
export const IORING_REGISTER_RESTRICTIONS = 11;
/** Enables a ring that started disabled. `<linux/io_uring.h>` */
export const IORING_REGISTER_ENABLE_RINGS = 12;
/** Registers descriptors with tags; io_uring_register() here refuses it. `<linux/io_uring.h>` */
export const IORING_REGISTER_FILES2 = 13;
/** Replaces them; io_uring_register() here refuses it. `<linux/io_uring.h>` */
export const IORING_REGISTER_FILES_UPDATE2 = 14;
/** Registers buffers with tags; io_uring_register() here refuses it. `<linux/io_uring.h>` */
export const IORING_REGISTER_BUFFERS2 = 15;
/** Replaces them; io_uring_register() here refuses it. `<linux/io_uring.h>` */
export const IORING_REGISTER_BUFFERS_UPDATE = 16;
/** The processors of the worker threads. `<linux/io_uring.h>` */
export const IORING_REGISTER_IOWQ_AFF = 17;
/** Lets them run anywhere. `<linux/io_uring.h>` */
export const IORING_UNREGISTER_IOWQ_AFF = 18;
/** The largest number of worker threads. `<linux/io_uring.h>` */
export const IORING_REGISTER_IOWQ_MAX_WORKERS = 19;
/** Registers rings with the thread. `<linux/io_uring.h>` */
export const IORING_REGISTER_RING_FDS = 20;
/** Unregisters them. `<linux/io_uring.h>` */
export const IORING_UNREGISTER_RING_FDS = 21;
/** Registers a ring of buffers; io_uring_register() here refuses it. `<linux/io_uring.h>` */
export const IORING_REGISTER_PBUF_RING = 22;
/** Unregisters a ring of buffers. `<linux/io_uring.h>` */
export const IORING_UNREGISTER_PBUF_RING = 23;
/** Cancels operations and waits for it. `<linux/io_uring.h>` */
export const IORING_REGISTER_SYNC_CANCEL = 24;
/** Which registered files the kernel may pick. `<linux/io_uring.h>` */
export const IORING_REGISTER_FILE_ALLOC_RANGE = 25;
/** How much of a ring of buffers is used. Linux 6.8. `<linux/io_uring.h>` */
export const IORING_REGISTER_PBUF_STATUS = 26;
/** `fd` is the index of a registered ring. Linux 6.3. `<linux/io_uring.h>` */
export const IORING_REGISTER_USE_REGISTERED_RING = 0x80000000;
/** Leaves a registered file as it is. `<linux/io_uring.h>` */
export const IORING_REGISTER_FILES_SKIP: number = -2;
/** The kernel has the opcode, in `flags` of struct io_uring_probe_op. `<linux/io_uring.h>` */
export const IO_URING_OP_SUPPORTED = 1;
/** The kernel allocates the ring of buffers. Linux 6.4. `<linux/io_uring.h>` */
export const IOU_PBUF_RING_MMAP = 1;
/** A buffer is used bit by bit. Linux 6.12. `<linux/io_uring.h>` */
export const IOU_PBUF_RING_INC = 2;
