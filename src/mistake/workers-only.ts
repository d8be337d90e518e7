/** What helpers say that a hub has no packets for. Scripts made for Kubeshark look for this text. */
export const WORKERS_ONLY = 'pcap helpers are available on workers only'
