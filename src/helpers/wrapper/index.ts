import { namespace } from '../helper.ts'
import { buildHAR } from './build-har.ts'
import { joinMaps } from './join-maps.ts'
import { kflPcapS3 } from './kfl-pcap-s3.ts'
import { pcapSnapshot } from './pcap-snapshot.ts'

export const wrapper = namespace('wrapper', 'What would take several helpers, in one call.', {
  buildHAR,
  joinMaps,
  kflPcapS3,
  pcapSnapshot,
})
