import type { AlertView } from '../../wire/alerts.ts'

/** Alerts as a hub is asked of them. Mistakes are for who asks. */
export interface AlertControl {
  /** Those that were raised last first. */
  list(): Promise<readonly AlertView[]>
  /** Rejects with `E_NOT_FOUND`, as do the others. */
  get(id: string): Promise<AlertView>
  /** The packets that came with it: a capture file. */
  pcap(id: string): Promise<Uint8Array>
  /** One that is closed already stays as it is. */
  close(id: string, by: string): Promise<AlertView>
}
