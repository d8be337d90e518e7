/** The beginning of a capture file, as many whole packets as fit: of pcap and pcapng as we write them, little-endian. */
export function wholePackets(file: Uint8Array, mostBytes: number): Uint8Array {
  if (file.length <= mostBytes) return file
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const isPcapng = view.getUint32(0, true) === SECTION_HEADER
  let end = isPcapng ? 0 : PCAP_HEADER
  for (;;) {
    const head = isPcapng ? 8 : PCAP_RECORD
    if (end + head > file.length) break
    const next =
      end + (isPcapng ? view.getUint32(end + 4, true) : PCAP_RECORD + view.getUint32(end + 8, true))
    if (next > mostBytes || next > file.length || next <= end) break
    end = next
  }
  return file.subarray(0, end)
}

const SECTION_HEADER = 0x0a0d0d0a
const PCAP_HEADER = 24
const PCAP_RECORD = 16
