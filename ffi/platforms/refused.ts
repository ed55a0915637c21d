/**
 * Socket options and message flags that the library refuses, by platform, because with them the
 * kernel reads or writes memory that the call was not given. Each row names the header that says
 * so: of Linux in include/uapi, of XNU and FreeBSD in their sources. Options through which the
 * kernel only reads are refused too: a number in a value is not an address that JavaScript can keep
 * true, and a filter can give away what it reads.
 *
 * Options of which the kernel bounds the answer by a count in the value, instead of by `optlen`,
 * are not all here (IP_MSFILTER and MCAST_MSFILTER of Linux are useful): getsockopt() lets the
 * kernel write into guarded memory of its own. See `option_memory.ts`.
 *
 * @module
 */

/** Why an option is refused, as the error says it. */
const REASONS = {
  pointers: "its value holds pointers, through which the kernel would use other memory",
  count: "its value holds a count, which bounds the answer instead of optlen",
  filters: "it counts its length in filters, not in bytes",
  lasting: "the kernel would use the memory of a send after the call, when JavaScript reuses it",
} as const;

/** A socket option that is refused. */
export interface RefusedOption {
  readonly level: number;
  readonly optname: number;
  /** The name in its header. */
  readonly name: string;
  /** Why, as the second half of a sentence. */
  readonly reason: string;
}

/** What a platform refuses. */
export interface Refused {
  /** Options that getsockopt(2) refuses. */
  readonly get: readonly RefusedOption[];
  /** Options that setsockopt(2) refuses. */
  readonly set: readonly RefusedOption[];
  /** MSG_ZEROCOPY, where it exists; 0 elsewhere. */
  readonly zerocopyFlag: number;
}

type Row = readonly [level: number, optname: number, name: string, reason: keyof typeof REASONS];

const LINUX_BOTH: readonly Row[] = [
  [6, 35, "TCP_ZEROCOPY_RECEIVE", "pointers"], // <linux/tcp.h>: address, copybuf_address
  [6, 41, "TCP_AO_GET_KEYS", "count"], // nkeys, and a stride that the caller chooses
  [132, 111, "SCTP_SOCKOPT_CONNECTX3", "pointers"], // <linux/sctp.h>: addrs
  [276, 2, "RDS_GET_MR", "pointers"], // <linux/rds.h>: cookie_addr, and memory for a peer
  [276, 7, "RDS_GET_MR_FOR_DEST", "pointers"],
  [283, 4, "XDP_UMEM_REG", "pointers"], // <linux/if_xdp.h>: addr, memory for packets
  [284, 4, "MPTCP_FULL_INFO", "pointers"], // <linux/mptcp.h>: subflow_info, tcp_info
];

const LINUX_GET: readonly Row[] = [
  ...LINUX_BOTH,
  [1, 26, "SO_GET_FILTER", "filters"], // <asm-generic/socket.h>
  [0, 65, "IPT_SO_GET_ENTRIES", "count"], // <linux/netfilter_ipv4/ip_tables.h>
  [0, 97, "ARPT_SO_GET_ENTRIES", "count"], // <linux/netfilter_arp/arp_tables.h>
  [0, 129, "EBT_SO_GET_ENTRIES", "pointers"], // <linux/netfilter_bridge/ebtables.h>
  [0, 131, "EBT_SO_GET_INIT_ENTRIES", "pointers"],
  [41, 65, "IP6T_SO_GET_ENTRIES", "count"], // <linux/netfilter_ipv6/ip6_tables.h>
];

const LINUX_SET: readonly Row[] = [
  ...LINUX_BOTH,
  [1, 26, "SO_ATTACH_FILTER", "pointers"], // <linux/filter.h>: struct sock_fprog, filter
  [1, 51, "SO_ATTACH_REUSEPORT_CBPF", "pointers"],
  [1, 60, "SO_ZEROCOPY", "lasting"],
  [0, 64, "IPT_SO_SET_REPLACE", "pointers"], // counters
  [0, 96, "ARPT_SO_SET_REPLACE", "pointers"], // counters
  [0, 128, "EBT_SO_SET_ENTRIES", "pointers"], // entries, counters
  [0, 129, "EBT_SO_SET_COUNTERS", "pointers"], // counters
  [41, 64, "IP6T_SO_SET_REPLACE", "pointers"], // counters
  [263, 22, "PACKET_FANOUT_DATA", "pointers"], // <linux/if_packet.h>: struct sock_fprog
];

const DARWIN: readonly Row[] = [
  [0xffff, 0x1010, "SO_LABEL", "pointers"], // <sys/socket.h>: struct mac, m_string
  [0xffff, 0x1011, "SO_PEERLABEL", "pointers"],
  [0, 74, "IP_MSFILTER", "pointers"], // <netinet/in.h>: struct __msfilterreq, msfr_srcs
  [41, 74, "IPV6_MSFILTER", "pointers"], // <netinet6/in6.h>
];

const FREEBSD: readonly Row[] = [
  [0xffff, 0x1009, "SO_LABEL", "pointers"],
  [0xffff, 0x1010, "SO_PEERLABEL", "pointers"],
  [0, 74, "IP_MSFILTER", "pointers"],
  [41, 74, "IPV6_MSFILTER", "pointers"],
  [6, 39, "TCP_TXTLS_ENABLE", "pointers"], // <sys/ktls.h>: cipher_key, iv, auth_key
  [6, 41, "TCP_RXTLS_ENABLE", "pointers"],
];

/** Linux. SO_ATTACH_BPF and SO_ATTACH_REUSEPORT_EBPF take a descriptor and are allowed. */
export const linux: Refused = {
  get: LINUX_GET.map(option),
  set: LINUX_SET.map(option),
  zerocopyFlag: 0x4000000, // MSG_ZEROCOPY
};

/**
 * macOS. NDRV_SETDMXSPEC, which reads through a pointer, is not refused: its number is IP_TTL's,
 * and the kernel takes it only from root.
 */
export const darwin: Refused = {
  get: DARWIN.map(option),
  set: DARWIN.map(option),
  zerocopyFlag: 0,
};

/** FreeBSD. */
export const freebsd: Refused = {
  get: FREEBSD.map(option),
  set: FREEBSD.map(option),
  zerocopyFlag: 0,
};

/**
 * NetBSD and Windows, of which no socket option has pointers: theirs are in ioctl(2) and WSAIoctl.
 */
export const none: Refused = { get: [], set: [], zerocopyFlag: 0 };

function option([level, optname, name, reason]: Row): RefusedOption {
  return { level, optname, name, reason: REASONS[reason] };
}
